//! Where traces go. Owns what such an address may be; knows nothing of traces.

use super::WebOrigin;
use super::read::Reader;

/// The key.
const KEY: &str = "otlp.endpoint";

/// What is told to a collector.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpConfig {
    /// Where it listens; none where there is none.
    pub endpoint: Option<WebOrigin>,
}

impl OtlpConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let endpoint = reader.origin_of(KEY);
        if let Some(secure) = endpoint.as_ref().filter(|endpoint| endpoint.secure) {
            let reason = format!("{KEY} is {secure}, and spans are sent without TLS only");
            let way_out = "name a collector on this machine or network, which may pass them on with TLS";
            reader.refuse(KEY, reason, way_out.to_owned());
        }
        Self { endpoint }
    }
}
