//! What a key is: its name in the file and in the environment, what it may be, what it is where nobody
//! says. Knows nothing of where values come from or what becomes of them.

use super::table::keys;

/// What a setting of a component may be.
pub(super) const SETTING: &str = "a text, a number, true, false or a list of those";

/// One key.
pub(super) struct Key {
    /// Its section and name, joined by a dot.
    pub(super) path: &'static str,
    /// What it may be.
    pub(super) shape: Shape,
    /// What it is where nobody says.
    pub(super) preset: Preset,
    /// The environment variable of the original service that means the same.
    pub(super) original: Option<&'static str>,
    /// What it is for, as the printed defaults explain it.
    pub(super) about: &'static str,
}

/// What a value may be.
pub(super) enum Shape {
    /// An address and a port.
    Address,
    /// A path; where it is relative, to the file that says it, or to the working directory.
    Path,
    /// The scheme and the host of an address, or nothing.
    Origin,
    /// A list of hosts.
    Hosts,
    /// A list of addresses and networks.
    Networks,
    /// Any text.
    Text,
    /// The name of a cookie or header.
    Token,
    /// A list of names of headers.
    Tokens,
    /// The name of a file in the components directory, without its ending.
    Component,
    /// The name of one of a slot's components.
    Name,
    /// Whose a limiter's cell is.
    Cell,
    /// Yes or no.
    Flag,
    /// A whole number.
    Number { min: i64, max: i64 },
    /// One of a few words.
    Choice(fn() -> Vec<&'static str>),
    /// `closed`, and why not `open`.
    Closed(&'static str),
    /// One secret or several.
    Secrets,
    /// Names of environment variables, each perhaps ending in `*`.
    Patterns,
    /// A list of public keys.
    PublicKeys,
    /// Names of slots, or all of them.
    Slots,
    /// A digest, or a list of digests.
    Digests,
    /// A setting that the slot's own component explains and checks.
    Setting,
}

/// What a key is where nobody says.
pub(super) enum Preset {
    /// This, in TOML.
    Value(&'static str),
    /// What is found on the machine; this is how the printed defaults show it, behind a `#`.
    Found(&'static str),
}

impl Key {
    /// The key of this path.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        keys().find(|key| key.path == path)
    }

    /// Its environment variable.
    pub(super) fn variable(&self) -> String {
        variable(self.path)
    }

    /// Its section, empty for the keys that have none, and its name in it.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// What a value should be, to end the sentence "… is not".
    pub(super) fn expected(&self) -> String {
        match self.shape {
            Shape::Address => {
                "an IP address and a port, such as \"127.0.0.1:8767\" or \"[::1]:8767\"".to_owned()
            }
            Shape::Path => "a path, written out in full without ~".to_owned(),
            Shape::Origin => {
                "http:// or https:// and a host, without a path, such as \"https://agent.example.org\""
                    .to_owned()
            }
            Shape::Hosts => "a list of names or IP addresses of hosts, without ports".to_owned(),
            Shape::Networks => {
                "a list of IP addresses and networks such as \"10.1.0.0/16\", none of them everything"
                    .to_owned()
            }
            Shape::Text => "text".to_owned(),
            Shape::Token => "a name of letters, digits, - and _".to_owned(),
            Shape::Tokens => "a list of names of letters, digits, - and _".to_owned(),
            Shape::Component => {
                "the name of a component: lower-case letters, digits and -, without .wasm".to_owned()
            }
            Shape::Name => "a name of lower-case letters, digits and -".to_owned(),
            Shape::Cell => "\"caller\", \"all\" or \"role:NAME\" with the name of a role".to_owned(),
            Shape::Flag => "true or false".to_owned(),
            Shape::Number { min, max } => format!("a whole number from {min} to {max}"),
            Shape::Choice(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("\"{word}\"")).collect();
                words.join(" or ")
            }
            Shape::Closed(_) => "\"closed\"".to_owned(),
            Shape::Secrets => "a secret or a list of secrets, none of them empty".to_owned(),
            Shape::Patterns => {
                "a list of names of environment variables, each perhaps ending in *".to_owned()
            }
            Shape::PublicKeys => {
                "a list of public keys as `overlord component keygen` prints them: NAME:BASE64".to_owned()
            }
            Shape::Slots => {
                "a list of auth, limit, history, audit and agent, or \"all\" for all of them".to_owned()
            }
            Shape::Digests => "a SHA-256 digest of 64 hexadecimal digits, or a list of those".to_owned(),
            Shape::Setting => SETTING.to_owned(),
        }
    }
}

/// The environment variable of the key of this path.
pub(super) fn variable(path: &str) -> String {
    format!("OVERLORD_{}", path.replace('.', "_").to_uppercase())
}
