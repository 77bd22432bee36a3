//! What a page is looked at with: the sizes of windows that are of interest.

use serde_json::{Value, json};

/// The size of a page, without the browser around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// In CSS pixels, which are the pixels of a screenshot too.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// Whether it is a phone's: no scroll bars beside the page, a finger and no mouse.
    pub phone: bool,
}

impl Shape {
    /// A usual notebook.
    pub const WIDE: Self = Self { width: 1280, height: 800, phone: false };
    /// A usual phone.
    pub const NARROW: Self = Self { width: 390, height: 844, phone: true };
    /// The least that WCAG 2.1 asks for (1.4.10, reflow).
    pub const LEAST: Self = Self { width: 320, height: 568, phone: true };

    /// For `Emulation.setDeviceMetricsOverride`.
    pub(crate) fn metrics(self) -> Value {
        json!({"width": self.width, "height": self.height, "deviceScaleFactor": 1, "mobile": self.phone})
    }
}
