//! The last look at HTML before it leaves the crate, by a sanitizer that is not ours: it reads what
//! [`crate::markup`] wrote as a browser does and drops what is not on [`crate::lists`]. There is
//! nothing to drop as long as the writer does what it says. Knows no Markdown.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use crate::lists::{self, Attribute, SCHEMES, Tag, Values};

/// What was written and nobody else looked at yet: it leaves the crate by [`Self::cleaned`] only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Written(String);

impl Written {
    pub(crate) fn new(html: String) -> Self {
        Self(html)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may be passed on.
    pub(crate) fn cleaned(&self) -> String {
        SANITIZER.clean(&in_pieces(&self.0)).to_string()
    }

    /// What cleaning changes, which is nothing.
    pub(crate) fn disagreement(&self) -> Option<String> {
        let cleaned = self.cleaned();
        (cleaned != self.0).then(|| format!("{:?} is cleaned to {cleaned:?}", self.0))
    }
}

/// How much text the sanitizer gets in one piece, in bytes. For each `&` it looks through all of the
/// piece's rest for a `<`: a megabyte of `&` in one would take ten seconds.
const PIECE: usize = 4 << 10;

/// What parts two pieces of text. No comment is left when all is cleaned.
const PARTED: &str = "<!---->";

/// Parts long texts.
fn in_pieces(html: &str) -> Cow<'_, str> {
    if html.len() <= PIECE {
        return html.into();
    }
    let mut parted = String::with_capacity(html.len() + html.len() / PIECE * PARTED.len());
    for part in html.split_inclusive('>') {
        let text = part.find('<').unwrap_or(part.len());
        let (mut text, tag) = part.split_at(text);
        while text.len() > PIECE {
            let mut end = text.floor_char_boundary(PIECE);
            // Not within `&…;`.
            if let Some(at) = text[..end].rfind(['&', ';'])
                && at > 0
                && text[at..].starts_with('&')
            {
                end = at;
            }
            let (piece, rest) = text.split_at(end);
            parted.extend([piece, PARTED]);
            text = rest;
        }
        parted.extend([text, tag]);
    }
    parted.into()
}

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(sanitizer);

fn sanitizer() -> Builder<'static> {
    let mut any: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut some: HashMap<&str, HashMap<&str, HashSet<&str>>> = HashMap::new();
    let mut classes: HashMap<&str, HashSet<&str>> = HashMap::new();
    for tag in Tag::ALL {
        for attribute in Attribute::ALL {
            let (tag_name, name) = (tag.name(), attribute.name());
            match tag.values(*attribute) {
                Values::None => {}
                Values::Of(values) if *attribute == Attribute::Class => {
                    classes.insert(tag_name, values.into_iter().collect());
                }
                Values::Of(values) => {
                    some.entry(tag_name).or_default().insert(name, values.into_iter().collect());
                }
                Values::Address | Values::Number | Values::Language | Values::Text => {
                    any.entry(tag_name).or_default().insert(name);
                }
            }
        }
    }
    let mut builder = Builder::empty();
    builder
        .tags(Tag::ALL.iter().map(|tag| tag.name()).collect())
        // Of these not even the text is worth keeping.
        .clean_content_tags(HashSet::from(["script", "style"]))
        .generic_attributes(HashSet::new())
        .tag_attributes(any)
        .tag_attribute_values(some)
        .allowed_classes(classes)
        .url_schemes(SCHEMES.iter().copied().collect())
        .url_relative(UrlRelative::Deny)
        // `set_tag_attribute_value` does it, and leaves it where it is if it is there.
        .link_rel(None)
        .set_tag_attribute_value("a", Attribute::Rel.name(), lists::REL)
        .set_tag_attribute_value("a", Attribute::Target.name(), lists::TARGET)
        .attribute_filter(|_, name, value| {
            let fine = if name == Attribute::Start.name() {
                !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
            } else {
                name != Attribute::DataLang.name() || lists::is_language(value)
            };
            fine.then_some(value.into())
        });
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of HTML that no writer of ours would write.
    #[test]
    fn what_a_broken_writer_lets_through_is_removed() {
        let link = r#"rel="noopener noreferrer nofollow" target="_blank""#;
        for (hostile, left) in [
            ("<script>alert(1)</script>a", "a"),
            ("<style>p{}</style>a", "a"),
            ("<img src=x onerror=alert(1)>a", "a"),
            ("<svg onload=alert(1)><p>a</p></svg>", "<p>a</p>"),
            ("<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">", "<p></p>\"&gt;"),
            (
                "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
                "",
            ),
            ("<p onclick=alert(1) id=a style=color:red>a</p>", "<p>a</p>"),
            ("<p class=\"cut other code\">a</p>", "<p class=\"cut\">a</p>"),
            ("<span class=\"hl-number cut\">1</span>", "<span class=\"hl-number\">1</span>"),
            ("<p dir=rtl>a</p>", "<p>a</p>"),
            ("<code class=code dir=ltr>a</code>", "<code>a</code>"),
            ("<ol start=\"1e9\"><li start=2>a</li></ol>", "<ol><li>a</li></ol>"),
            ("<pre data-lang=\"C++ x\">a</pre>", "<pre>a</pre>"),
            ("<iframe src=//evil.example></iframe><form><input><button>a</button></form>", "a"),
            ("<!-- a --><base href=//evil.example><meta http-equiv=refresh>b", "b"),
            ("<p>a", "<p>a</p>"),
        ] {
            assert_eq!(Written::new(hostile.into()).cleaned(), left, "{hostile}");
        }
        for address in [
            "javascript:alert(1)",
            "JaVa&Tab;Script:alert(1)",
            "&#1;javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//evil.example/",
            "/logout",
            "#a",
            "",
        ] {
            let cleaned =
                Written::new(format!("<a href=\"{address}\" rel=opener target=_top>a</a>")).cleaned();
            assert!(!cleaned.contains("href"), "{address}: {cleaned}");
            assert!(cleaned.contains("noopener") && !cleaned.contains("_top"), "{address}: {cleaned}");
        }
        for address in ["https://a.example/", "http://a.example/", "mailto:a@b.example"] {
            let whole = format!("<a href=\"{address}\" {link}>a</a>");
            assert_eq!(Written::new(whole.clone()).cleaned(), whole);
        }
    }

    #[test]
    fn a_long_text_is_parted_and_stays_what_it_was() {
        let fits = format!("<p>{}</p>", "a".repeat(PIECE));
        assert_eq!(in_pieces(&fits), fits);
        let longer = format!("<p>{}</p>", "a".repeat(PIECE + 1));
        assert_eq!(in_pieces(&longer), format!("<p>{}<!---->a</p>", "a".repeat(PIECE)));
        for piece in ["&nbsp;", "&lt;a", "ü&amp;", "&lt;!--&gt;", "\n"] {
            for before in PIECE - 8..PIECE + 2 {
                let html = format!("<pre><code>{}{}</code></pre>", "a".repeat(before), piece.repeat(PIECE));
                assert_eq!(Written::new(html).disagreement(), None, "{piece:?} after {before}");
            }
        }
        // What no writer of ours would write does no harm either.
        let bare = format!("<p>{}</p><a title='{}'>", "&".repeat(2 * PIECE), "ü".repeat(PIECE));
        assert!(Written::new(bare).disagreement().is_some());
    }

    #[test]
    fn a_disagreement_is_seen() {
        assert_eq!(Written::new("<p dir=\"auto\">a \"b\" &amp;&nbsp;c</p>".into()).disagreement(), None);
        for html in ["<p>a", "<p id=\"a\">a</p>", "<p>&quot;</p>", "<p dir='auto'>a</p>", "<b>a</b>"] {
            assert!(Written::new(html.into()).disagreement().is_some(), "{html}");
        }
    }
}
