//! The token by which Prometheus may read the figures. Owns where it comes from and what it must be;
//! knows nothing of figures.

use std::io;
use std::path::PathBuf;

use super::read::Reader;
use super::secrets::{self, SECRET_FILE_MAX_BYTES, Secret};

/// The fewest characters of a token: 64 bits even where they are hexadecimal digits, far more than can be
/// tried over HTTP.
pub(super) const TOKEN_LENGTH_MIN: usize = 16;

/// Where the token is.
const KEY: &str = "metrics.token_file";

/// What is told to Prometheus, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// What a scraper shows; none where only admins may look.
    pub token: Option<Secret>,
    /// The file that it was read from: the agent must not see it.
    pub token_file: Option<PathBuf>,
}

impl MetricsConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let token_file = reader.path(KEY);
        let token = token_file.as_ref().and_then(|file| match token(file) {
            Ok(token) => Some(token),
            Err(source) => {
                reader.unreadable(
                    KEY,
                    file.clone(),
                    source,
                    "it must be a file that the host may read, with one line, such as `openssl rand -hex 32` writes",
                );
                None
            }
        });
        Self { token, token_file }
    }
}

/// The one line of a file, which must be what a header can carry and too long to be guessed.
fn token(file: &std::path::Path) -> io::Result<Secret> {
    let text = secrets::read_limited(file, SECRET_FILE_MAX_BYTES)?;
    let token = text.trim_end_matches(['\r', '\n']);
    let invalid = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid("its token has other characters than printable ASCII, or a blank".to_owned());
    }
    if token.len() < TOKEN_LENGTH_MIN {
        return invalid(format!(
            "its token has {} characters, fewer than the {TOKEN_LENGTH_MIN} that it needs",
            token.len()
        ));
    }
    Ok(Secret::new(token.to_owned()))
}
