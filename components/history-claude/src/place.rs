//! Where the client keeps a session: names only, below its configuration directory. Opens nothing.

use thiserror::Error;

/// UTF-16 units of an encoded path that the client keeps as they are; of a longer one it keeps so
/// many and adds a hash. Measured on the client, see `tests/fixtures/cwd-encoding.json`.
const ENCODED_MAX: usize = 200;

/// The ending of a session's file.
const ENDING: &str = ".jsonl";

/// A session's id in the only form that is let near a path: 36 characters, lower case, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session(String);

/// The text is not a session's id.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("looking for a session: its id must be the 36-character form of a UUID in lower case, and it is not")]
pub struct NotASession;

impl Session {
    /// The id, if it is one.
    pub fn new(id: &str) -> Result<Self, NotASession> {
        let is_uuid = id.len() == 36
            && id.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if is_uuid { Ok(Self(id.to_owned())) } else { Err(NotASession) }
    }

    /// The session whose file has this name; none where it is no session's.
    pub fn of_file(name: &str) -> Option<Self> {
        Self::new(name.strip_suffix(ENDING)?).ok()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of its file below the configuration directory, for a client that runs in `cwd`.
    pub fn path(&self, cwd: &str) -> String {
        format!("{}/{}{ENDING}", directory(cwd), self.0)
    }
}

/// The path, below the configuration directory, of the sessions of a client that runs in `cwd`.
pub fn directory(cwd: &str) -> String {
    format!("projects/{}", encode(cwd))
}

/// The client's name for the directory `cwd`: every UTF-16 unit but ASCII letters and digits
/// becomes a hyphen. Different directories can have the same name; that is the client's doing.
fn encode(cwd: &str) -> String {
    let mut encoded: String = cwd
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte),
            _ => '-',
        })
        .collect();
    if encoded.len() > ENCODED_MAX {
        encoded.truncate(ENCODED_MAX); // all ASCII: a unit is a byte
        encoded.push('-');
        encoded.push_str(&base36(hash(cwd).unsigned_abs()));
    }
    encoded
}

/// `h = 31 * h + unit` in 32 bits over the path as it was before it was encoded.
fn hash(cwd: &str) -> i32 {
    cwd.encode_utf16().fold(0, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotASession, Session, base36, directory, encode};

    const ID: &str = "0a1b2c3d-4e5f-6789-abcd-ef0123456789";

    #[test]
    fn encodes_as_the_client_does() {
        let recorded =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/cwd-encoding.json"));
        let pairs: Vec<serde_json::Value> = serde_json::from_str(recorded).unwrap();
        assert!(pairs.len() >= 18, "the recording is not whole");
        for pair in &pairs {
            let cwd = pair["cwd"].as_str().unwrap();
            assert_eq!(encode(cwd), pair["dir"].as_str().unwrap(), "{cwd}");
        }
    }

    #[test]
    fn the_hash_begins_after_200_units_and_not_at_them() {
        let at = format!("/{}", "d".repeat(199));
        assert_eq!(encode(&at), format!("-{}", "d".repeat(199)));
        let over = format!("/{}", "d".repeat(200));
        assert!(encode(&over).starts_with(&format!("-{}-", "d".repeat(199))));
        assert!(encode(&over).len() > 201);
    }

    #[test]
    fn an_emoji_is_two_units() {
        assert_eq!(encode("/\u{1f980}"), "---");
    }

    #[test]
    fn the_smallest_number_can_be_written() {
        assert_eq!(base36(0), "0");
        assert_eq!(base36(i32::MIN.unsigned_abs()), "zik0zk"); // 2^31, as JavaScript writes it
    }

    #[test]
    fn nothing_but_a_lower_case_uuid_is_a_session() {
        assert_eq!(Session::new(ID).unwrap().as_str(), ID);
        let bad = [
            String::new(),
            ID.to_uppercase(),
            ID.replace('-', ""),
            format!("{{{ID}}}"),
            format!("{ID}0"),
            ID[..35].to_owned(),
            ID.replace("0a1b", "../."),
            ID.replace("0a1b", "0a1g"),
            ID.replace("0a1b", "0a\0b"),
            ID.replace('-', "_"),
            format!("{}é", &ID[..34]),
        ];
        for id in bad {
            assert_eq!(Session::new(&id), Err(NotASession), "{id:?}");
        }
    }

    #[test]
    fn only_session_files_are_sessions() {
        assert_eq!(Session::of_file(&format!("{ID}.jsonl")), Session::new(ID).ok());
        for name in [ID.to_owned(), format!("{ID}.json"), format!("{ID}.jsonl.jsonl"), ".jsonl".into()] {
            assert_eq!(Session::of_file(&name), None, "{name}");
        }
    }

    #[test]
    fn a_path_is_the_directory_and_the_id() {
        assert_eq!(directory("/w"), "projects/-w");
        assert_eq!(Session::new(ID).unwrap().path("/w"), format!("projects/-w/{ID}.jsonl"));
    }
}
