//! Where links may lead. Knows no HTML.

use linkify::{LinkFinder, LinkKind};
use url::Url;

use crate::lists::SCHEMES;

/// How long an address may be. Browsers and servers stop at a few thousand bytes; what is longer is
/// data, not a place.
pub(crate) const ADDRESS_MAX: usize = 4096;

/// An address that a link may lead to, as a browser would read it: of `http`, `https` or `mailto`,
/// absolute, and with nobody's name in front of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Href(String);

impl Href {
    /// Reads an address the way a browser does, so that what was looked at is what will be followed.
    pub(crate) fn of(address: &str) -> Option<Self> {
        if address.len() > ADDRESS_MAX {
            return None;
        }
        let url = Url::parse(address).ok()?;
        // `https://bank.example@evil.example/` is read as the bank's by people and not by browsers.
        let fine = SCHEMES.contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
        // Spaces and control characters of an address are encoded by now, or dropped.
        let address = String::from(url);
        (fine && address.len() <= ADDRESS_MAX).then_some(Self(address))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Cuts text where an address stands in it: each piece, and where it leads if it is one.
pub(crate) fn addresses_in(text: &str) -> impl Iterator<Item = (&str, Option<Href>)> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    finder
        .spans(text)
        .map(|span| {
            let piece = span.as_str();
            // Other schemes are left alone: nobody wrote that they are links.
            let href = span.kind().and_then(|_| Href::of(piece)).filter(|_| piece.starts_with("http"));
            (piece, href)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_three_schemes_and_nowhere_else() {
        for address in
            ["http://a.example/", "HTTPS://a.example/b?c#d", "mailto:a@b.example", "https://[::1]:80/"]
        {
            assert!(Href::of(address).is_some(), "{address}");
        }
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://a.example/x",
            "view-source:https://a.example/",
            "ftp://a.example/",
            "//a.example/",
            "/logout",
            "a/b",
            "#id",
            "",
            "https://bank.example@evil.example/",
            "https://:x@evil.example/",
            "https://",
        ] {
            assert_eq!(Href::of(address), None, "{address}");
        }
    }

    #[test]
    fn an_address_has_a_length() {
        let of = |length: usize| Href::of(&format!("https://a/{}", "b".repeat(length - 10)));
        assert!(of(ADDRESS_MAX).is_some());
        assert!(of(ADDRESS_MAX + 1).is_none());
        // What grows beyond it when it is encoded is refused as well.
        assert!(Href::of(&format!("https://a/{}", "ü".repeat(ADDRESS_MAX / 3))).is_none());
    }

    #[test]
    fn what_leads_out_of_a_quoted_attribute_is_encoded() {
        let href = Href::of("https://a.example/\"><script>'").map(|href| href.0);
        assert_eq!(href.as_deref(), Some("https://a.example/%22%3E%3Cscript%3E'"));
    }
}
