//! The names by which a service is reached: a host with its port, and an origin as browsers write it.
//! Both the configuration and what a request says of itself are read here, so that the two can be
//! compared. Knows no request and decides nothing.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::uri::{Authority, Uri};
use ipnet::IpNet;

/// The longest host name, by RFC 1035.
const NAME_BYTES_MAX: usize = 253;

/// A host: a name, in lower case and without a dot at its end, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A name.
    Name(String),
    /// An address; one of version 4 that is written as one of version 6 is one of version 4.
    Address(IpAddr),
}

/// A host and the port that was named with it, if one was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Site {
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: Option<u16>,
}

/// Where a page comes from: the scheme, and a site whose port is left out where the scheme says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    /// Whether it is `https`; otherwise it is `http`.
    pub secure: bool,
    /// Where.
    pub site: Site,
}

impl HostName {
    /// Reads a name or an address, the latter of version 6 in brackets. None for what a browser would
    /// not send: letters beyond ASCII (it sends punycode), an address in another notation.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Some(Self::Address(IpAddr::from(address.parse::<Ipv6Addr>().ok()?).to_canonical()));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        (text.len() <= NAME_BYTES_MAX && text.split('.').all(label))
            .then(|| Self::Name(text.to_ascii_lowercase()))
    }

    /// Whether it is this very machine, by whatever name that cannot mean another one.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl Site {
    /// Reads `host` or `host:port`, as the `Host` header has it. None for anything else, such as one
    /// with a user's name before it.
    pub fn parse(text: &str) -> Option<Self> {
        let authority = Authority::try_from(text).ok()?;
        let port = match text.strip_prefix(authority.host())? {
            "" | ":" => None,
            port => {
                Some(port.strip_prefix(':').filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?)
            }
        };
        Some(Self { host: HostName::parse(authority.host())?, port })
    }

    /// The same without the port that a scheme implies.
    #[must_use]
    pub fn under(mut self, secure: bool) -> Self {
        self.port = self.port.filter(|port| *port != if secure { 443 } else { 80 });
        self
    }
}

impl WebOrigin {
    /// Reads `http://host:port` or `https://…`, with a slash at the end or without. None for a path, a
    /// query, another scheme and `null`.
    pub fn parse(text: &str) -> Option<Self> {
        let uri = Uri::try_from(text).ok()?;
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        // A fragment is dropped by the parser: what it has read must be all there is.
        let authority = uri.authority()?.as_str();
        let rest = text.get(uri.scheme_str()?.len()..)?.strip_prefix("://")?.strip_prefix(authority)?;
        matches!(rest, "" | "/").then_some(())?;
        Some(Self { secure, site: Site::parse(authority)?.under(secure) })
    }
}

/// A host as the configuration has it: an address of version 6 may do without its brackets.
pub(super) fn host(text: &str) -> Option<HostName> {
    let bare = text.parse::<IpAddr>().ok().map(|ip| HostName::Address(ip.to_canonical()));
    bare.or_else(|| HostName::parse(text))
}

/// An address, or a network that is not all there is: to believe everybody is to believe nobody.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let alone = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical())).ok();
    alone.or_else(|| text.parse().ok()).filter(|network: &IpNet| network.prefix_len() > 0)
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.site.host)?;
        self.site.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_one_host_and_perhaps_a_port() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("LocalHost:8767", "localhost", Some(8767)),
            ("agent.example.org.", "agent.example.org", None),
            ("agent.example.org.:443", "agent.example.org", Some(443)),
            ("127.0.0.1:65535", "127.0.0.1", Some(65535)),
            ("127.0.0.1:", "127.0.0.1", None),
            ("[::1]:1", "[::1]", Some(1)),
            ("[::ffff:127.0.0.1]", "127.0.0.1", None),
            ("127.1", "127.1", None),
        ] {
            let site = Site::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((site.host.to_string().as_str(), site.port), (host, port), "{text}");
        }
        for text in [
            "",
            ":",
            ":80",
            ".",
            "..",
            "a..b",
            "a:65536",
            "a:b",
            "a:-1",
            "a:+1",
            "a: 1",
            "a:1:2",
            "::1",
            "[::1",
            "::1]",
            "[127.0.0.1]",
            "[::1]x",
            "user@localhost",
            "user:80@localhost",
            "localhost/",
            "localhost/x",
            "localhost?x",
            "localhost#x",
            "http://localhost",
            "local host",
            "loc%61lhost",
            "lo\u{441}alhost",
            "localhost,evil",
            "localhost;evil",
            "localhost\\evil",
            "*",
            "localhost\0",
        ] {
            assert_eq!(Site::parse(text), None, "{text:?}");
        }
        for (length, taken) in [(NAME_BYTES_MAX, true), (NAME_BYTES_MAX + 1, false)] {
            assert_eq!(HostName::parse(&"a".repeat(length)).is_some(), taken, "{length}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_site() {
        for (text, shown) in [
            ("http://localhost:8767", "http://localhost:8767"),
            ("http://a:80", "http://a"),
            ("https://A.example:443/", "https://a.example"),
            ("https://a:80", "https://a:80"),
            ("http://[::1]:2", "http://[::1]:2"),
        ] {
            assert_eq!(
                WebOrigin::parse(text).map(|origin| origin.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
        for text in [
            "null",
            "",
            "a",
            "//a",
            "ftp://a",
            "file:///etc",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://a/?b",
            "http://a#b",
            "http://u@a",
            "http://a http://b",
            "http://a,http://b",
            "https:a",
        ] {
            assert_eq!(WebOrigin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn loopback_is_said_in_few_ways() {
        for (text, is) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("127.0.0.1", true),
            ("127.255.0.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", false),
            ("[::]", false),
            ("127.1", false),
            ("2130706433", false),
            ("localhost.localdomain", false),
            ("evil.localhost", false),
            ("127.0.0.1.nip.io", false),
        ] {
            assert_eq!(HostName::parse(text).expect(text).is_loopback(), is, "{text}");
        }
    }
}
