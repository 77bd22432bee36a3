//! The slot's settings. Knows their names and shapes, not what they are for.

use thiserror::Error;

/// Bytes of a working directory's path; Linux allows no longer one (`PATH_MAX`).
pub const CWD_MAX: usize = 4096;

/// What the slot is configured to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `cwd`: the absolute path, symbolic links resolved, of the directory that the client runs in.
    pub cwd: String,
}

/// Why the settings cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// A key that means nothing here, most likely a typing error.
    #[error("reading the settings of history-claude: there is no setting `{0}`; there is `cwd`")]
    Unknown(String),
    /// `cwd` is not there.
    #[error(
        "reading the settings of history-claude: `cwd` is missing; set it to the absolute path of the workspace"
    )]
    Missing,
    /// `cwd` is there twice.
    #[error("reading the settings of history-claude: `cwd` is there twice; leave one of them out")]
    Twice,
    /// `cwd` is not the path of a directory that a client could run in.
    #[error(
        "reading the settings of history-claude: `cwd` must be an absolute path of at most {CWD_MAX} bytes"
    )]
    NotAbsolute,
}

impl Settings {
    /// The settings out of the pairs that came with the call.
    pub fn new(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let mut cwd = None;
        for (key, value) in pairs {
            if key != "cwd" {
                return Err(SettingsError::Unknown(key.clone()));
            }
            if cwd.replace(value).is_some() {
                return Err(SettingsError::Twice);
            }
        }
        let cwd = cwd.ok_or(SettingsError::Missing)?;
        if !cwd.starts_with('/') || cwd.len() > CWD_MAX {
            return Err(SettingsError::NotAbsolute);
        }
        Ok(Self { cwd: cwd.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::{CWD_MAX, Settings, SettingsError};

    fn new(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::new(&pairs)
    }

    #[test]
    fn takes_the_one_setting_that_there_is() {
        assert_eq!(new(&[("cwd", "/w")]), Ok(Settings { cwd: "/w".into() }));
    }

    #[test]
    fn a_typing_error_is_named() {
        let error = new(&[("cwd", "/w"), ("cdw", "/x")]).unwrap_err();
        assert_eq!(error, SettingsError::Unknown("cdw".into()));
        assert!(error.to_string().contains("`cdw`"), "{error}");
    }

    #[test]
    fn refuses_none_two_and_relative_ones() {
        assert_eq!(new(&[]), Err(SettingsError::Missing));
        assert_eq!(new(&[("cwd", "/a"), ("cwd", "/b")]), Err(SettingsError::Twice));
        assert_eq!(new(&[("cwd", "w")]), Err(SettingsError::NotAbsolute));
        assert_eq!(new(&[("cwd", "")]), Err(SettingsError::NotAbsolute));
    }

    #[test]
    fn the_length_is_bounded() {
        let longest = format!("/{}", "d".repeat(CWD_MAX - 1));
        assert!(new(&[("cwd", &longest)]).is_ok());
        assert_eq!(new(&[("cwd", &format!("{longest}d"))]), Err(SettingsError::NotAbsolute));
    }
}
