//! The keys of what is told to Prometheus.

use super::super::keys::{Key, Preset, Shape};

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[Key {
    path: "metrics.token_file",
    shape: Shape::Path,
    preset: Preset::Found(r#""/etc/overlord/metrics-token""#),
    original: None,
    about: "A file with one line, the token by which Prometheus may read /metrics (Authorization: Bearer):\n\
            at least 16 characters. Without it only users with the role admin may.",
}];
