//! The key of what is told to a collector of traces.

use super::super::keys::{Key, Preset, Shape};

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[Key {
    path: "otlp.endpoint",
    shape: Shape::Origin,
    preset: Preset::Value(r#""""#),
    original: None,
    about: "The OpenTelemetry collector that gets a span for each stage of a request, by OTLP over HTTP\n\
            without TLS, such as \"http://127.0.0.1:4318\". Empty: nobody. Spans hold no user and no text.",
}];
