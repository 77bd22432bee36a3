//! The slot's settings: which there are, what they may be. Knows no request.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use overlord_own_cookie::{Given as OwnGiven, OwnCookies, cookie_name};
use thiserror::Error;

/// Under this name the host says who is at the other end of the connection; what a request says under it
/// never gets here.
pub const PEER_HEADER: &str = "overlord-peer";

/// More proxies than anyone has.
pub const MAX_PEERS: usize = 64;

/// More than any rotation needs.
pub const MAX_SECRETS: usize = 16;

/// A shorter one is guessed.
pub const MIN_SECRET: usize = 16;

/// As long as a sensible name of a header is.
pub const MAX_NAME: usize = 128;

/// The keys, for the message about one that there is not.
const KEYS: &str = "peers, header, roles_header, roles_separator, secret_header, proxy_secret, max_age_s, secret, \
                    cookie and own_cookie";

/// Whose headers are believed, and which.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The proxies. Never empty.
    pub peers: Vec<IpNet>,
    /// The header that names the user, in lower case.
    pub header: String,
    /// The one that names the roles, if one does.
    pub roles_header: Option<String>,
    /// What stands between two roles.
    pub roles_separator: char,
    /// The header by which the proxy is known besides its address, and what it may hold.
    pub secret: Option<(String, Vec<String>)>,
    /// What Overlord issues itself.
    pub own: OwnCookies,
}

/// Settings that cannot be used. No message has a secret in it.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("reading the settings of auth-proxy: there is no '{0}'; there are {KEYS}")]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the settings of auth-proxy: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Nobody to believe.
    #[error(
        "reading the settings of auth-proxy: there is no 'peers'; give the addresses or networks of the proxies"
    )]
    NoPeers,
    /// Too many to compare.
    #[error(
        "reading the settings of auth-proxy: there are more than {MAX_PEERS} of 'peers'; give networks instead"
    )]
    TooManyPeers,
    /// Too many to try.
    #[error(
        "reading the settings of auth-proxy: there are more than {MAX_SECRETS} of 'proxy_secret'; leave out the oldest"
    )]
    TooManySecrets,
    /// A secret that can be guessed.
    #[error(
        "reading the settings of auth-proxy: a 'proxy_secret' has at least {MIN_SECRET} characters, all of them visible \
         ASCII; make one with: openssl rand -hex 32"
    )]
    Secret,
    /// One without the other.
    #[error("reading the settings of auth-proxy: {0} is given without {1}; give both, or neither")]
    Without(&'static str, &'static str),
    /// Agents are at home there.
    #[error(
        "reading the settings of auth-proxy: 'peers' has an address of this machine's loopback, which the agents here \
         connect from as well; give secret_header and proxy_secret, and have the proxy send them"
    )]
    Loopback,
    /// A value that its key does not take.
    #[error("reading the settings of auth-proxy: {key} is '{value}'; it must be {wanted}")]
    Unusable {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
        /// What the key takes.
        wanted: &'static str,
    },
    /// One name for two things.
    #[error("reading the settings of auth-proxy: {0} and {1} must differ")]
    Same(&'static str, &'static str),
    /// One of the own cookie's.
    #[error("reading the settings of auth-proxy: {0}")]
    Own(#[from] overlord_own_cookie::SettingsError),
}

impl Settings {
    /// Reads the pairs that the host hands in.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let mut given = Given::default();
        for (key, value) in pairs {
            given.take(key, value)?;
        }
        given.finish()
    }

    /// Whether a proxy is at this address.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.peers.iter().any(|network| network.contains(&peer))
    }
}

/// What has been given so far.
#[derive(Default)]
struct Given<'a> {
    peers: Vec<IpNet>,
    header: Option<String>,
    roles_header: Option<String>,
    roles_separator: Option<char>,
    secret_header: Option<String>,
    secrets: Vec<String>,
    cookie: Option<&'a str>,
    own: OwnGiven<'a>,
}

impl<'a> Given<'a> {
    fn take(&mut self, key: &str, value: &'a str) -> Result<(), SettingsError> {
        match key {
            "peers" if self.peers.len() == MAX_PEERS => Err(SettingsError::TooManyPeers),
            "peers" => {
                let wanted = "an address or a network, such as 10.0.0.7 or fd00::/64, and not all there is";
                self.peers.push(network(value).ok_or_else(|| unusable("peers", value, wanted))?);
                Ok(())
            }
            "header" => once(&mut self.header, "header", header("header", value)?),
            "roles_header" => once(&mut self.roles_header, "roles_header", header("roles_header", value)?),
            "roles_separator" => {
                let wanted = "one of , ; | and a blank";
                let mut characters = value.chars();
                let (Some(separator @ (',' | ';' | '|' | ' ')), None) =
                    (characters.next(), characters.next())
                else {
                    return Err(unusable("roles_separator", value, wanted));
                };
                once(&mut self.roles_separator, "roles_separator", separator)
            }
            "secret_header" => {
                once(&mut self.secret_header, "secret_header", header("secret_header", value)?)
            }
            "proxy_secret" if self.secrets.len() == MAX_SECRETS => Err(SettingsError::TooManySecrets),
            "proxy_secret" => {
                if value.len() < MIN_SECRET || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(SettingsError::Secret);
                }
                self.secrets.push(value.to_owned());
                Ok(())
            }
            // The other application's, which is none of this policy's: the host hands it in all the same.
            "cookie" => once(&mut self.cookie, "cookie", cookie_name("cookie", value)?),
            _ if self.own.take(key, value)? => Ok(()),
            _ => Err(SettingsError::UnknownKey(key.to_owned())),
        }
    }

    fn finish(self) -> Result<Settings, SettingsError> {
        if self.peers.is_empty() {
            return Err(SettingsError::NoPeers);
        }
        let secret = match (self.secret_header, self.secrets.is_empty()) {
            (Some(header), false) => Some((header, self.secrets)),
            (None, true) => None,
            (Some(_), true) => return Err(SettingsError::Without("secret_header", "proxy_secret")),
            (None, false) => return Err(SettingsError::Without("proxy_secret", "secret_header")),
        };
        if secret.is_none() && self.peers.iter().any(has_loopback) {
            return Err(SettingsError::Loopback);
        }
        let settings = Settings {
            peers: self.peers,
            header: self.header.unwrap_or_else(|| "x-forwarded-user".to_owned()),
            roles_header: self.roles_header,
            roles_separator: self.roles_separator.unwrap_or(','),
            secret,
            own: self.own.finish()?,
        };
        if settings.roles_header.as_ref() == Some(&settings.header) {
            return Err(SettingsError::Same("header", "roles_header"));
        }
        if let Some((name, _)) = &settings.secret {
            if *name == settings.header {
                return Err(SettingsError::Same("header", "secret_header"));
            }
            if settings.roles_header.as_ref() == Some(name) {
                return Err(SettingsError::Same("roles_header", "secret_header"));
            }
        }
        Ok(settings)
    }
}

fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), SettingsError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SettingsError::Repeated(key)),
    }
}

/// An address, or a network that is not all there is: to believe everybody is to believe nobody. What
/// version 6 has of version 4 is version 4.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(alone) => IpNet::from(alone.to_canonical()),
        Err(_) => text.parse().ok()?,
    };
    let network = match network {
        IpNet::V6(wide) => match (wide.addr().to_ipv4_mapped(), wide.prefix_len().checked_sub(96)) {
            (Some(address), Some(length)) => IpNet::V4(Ipv4Net::new(address, length).ok()?),
            _ => network,
        },
        IpNet::V4(_) => network,
    };
    (network.prefix_len() > 0).then_some(network)
}

fn has_loopback(network: &IpNet) -> bool {
    let loopback: IpNet = match network {
        IpNet::V4(_) => Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8).into(),
        IpNet::V6(_) => IpAddr::from(std::net::Ipv6Addr::LOCALHOST).into(),
    };
    network.contains(&loopback) || loopback.contains(network)
}

/// A header's name in lower case. Those that say something else already are none for this.
fn header(key: &'static str, value: &str) -> Result<String, SettingsError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = value.to_ascii_lowercase();
    let spoken_for = [PEER_HEADER, "cookie", "host", "x-forwarded-for", "x-forwarded-proto"];
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(token) && !spoken_for.contains(&&*name) {
        Ok(name)
    } else {
        Err(unusable(key, value, "a header's name, and none that means something else"))
    }
}

fn unusable(key: &'static str, value: &str, wanted: &'static str) -> SettingsError {
    SettingsError::Unusable { key, value: value.to_owned(), wanted }
}

impl std::fmt::Debug for Settings {
    /// Without the proxy's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("peers", &self.peers)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
