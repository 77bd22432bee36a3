//! The only place where HTML is written: a list of tags, a list of attributes, text always escaped,
//! each element closed. What is not in these lists cannot come out, whatever comes in. Knows no
//! Markdown.

use crate::highlight::Class;
use crate::links::Href;

/// How deep elements lie in each other. A browser flattens at 512 and slows down before; nobody
/// reads at 40. What lies deeper keeps its text and loses its tags.
pub(crate) const DEPTH_MAX: usize = 40;

/// Every element that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    A,
    Blockquote,
    Code,
    Del,
    Em,
    H1,
    H2,
    H3,
    H4,
    H5,
    H6,
    Li,
    Ol,
    P,
    Pre,
    Span,
    Strong,
    Table,
    Tbody,
    Td,
    Th,
    Thead,
    Tr,
    Ul,
}

impl Tag {
    fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Blockquote => "blockquote",
            Self::Code => "code",
            Self::Del => "del",
            Self::Em => "em",
            Self::H1 => "h1",
            Self::H2 => "h2",
            Self::H3 => "h3",
            Self::H4 => "h4",
            Self::H5 => "h5",
            Self::H6 => "h6",
            Self::Li => "li",
            Self::Ol => "ol",
            Self::P => "p",
            Self::Pre => "pre",
            Self::Span => "span",
            Self::Strong => "strong",
            Self::Table => "table",
            Self::Tbody => "tbody",
            Self::Td => "td",
            Self::Th => "th",
            Self::Thead => "thead",
            Self::Tr => "tr",
            Self::Ul => "ul",
        }
    }

    /// Whether it holds text of its own direction. Each of them is then isolated from its
    /// surroundings too, so that no control character for directions reaches beyond it.
    fn has_direction(self) -> bool {
        matches!(
            self,
            Self::P
                | Self::H1
                | Self::H2
                | Self::H3
                | Self::H4
                | Self::H5
                | Self::H6
                | Self::Li
                | Self::Ol
                | Self::Ul
                | Self::Blockquote
                | Self::Td
                | Self::Th
        )
    }
}

/// How a column of a table is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    None,
    Left,
    Center,
    Right,
}

/// The name of a language: 1 to 20 of `a-z0-9+#-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lang(String);

/// What a name may be long. The longest that is in use has 14 characters.
const LANG_MAX: usize = 20;

impl Lang {
    /// The first word of a code block's info string, in small letters, as far as it is a name.
    pub(crate) fn of(info: &str) -> Option<Self> {
        let name: String = info
            .trim_start()
            .chars()
            .take(LANG_MAX + 1)
            .map(|c| c.to_ascii_lowercase())
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '#' | '-'))
            .collect();
        (1..=LANG_MAX).contains(&name.len()).then_some(Self(name))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// Writes one block: elements are opened and closed, text is put between.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: String,
    /// What is open; none for what was asked for and not written.
    open: Vec<Option<Tag>>,
    written: usize,
}

impl Writer {
    /// Opens an element without attributes but for its direction.
    pub(crate) fn open(&mut self, tag: Tag) {
        self.begin(tag, |_| {});
    }

    /// Opens nothing, for whoever will close it.
    pub(crate) fn open_nothing(&mut self) {
        self.open.push(None);
    }

    /// Opens a numbered list.
    pub(crate) fn open_ol(&mut self, start: u64) {
        self.begin(Tag::Ol, |out| {
            if start != 1 {
                attribute(out, "start", &start.to_string());
            }
        });
    }

    /// Opens a link to where links may lead.
    pub(crate) fn open_link(&mut self, href: &Href, title: &str) {
        self.begin(Tag::A, |out| {
            attribute(out, "href", href.as_str());
            if !title.is_empty() {
                attribute(out, "title", title);
            }
            out.push_str(r#" rel="noopener noreferrer nofollow" target="_blank""#);
        });
    }

    /// Opens a block of code: two elements, each to be closed.
    pub(crate) fn open_code_block(&mut self, lang: Option<&Lang>) {
        self.begin(Tag::Pre, |out| {
            attribute(out, "class", "code");
            if let Some(lang) = lang {
                attribute(out, "data-lang", lang.name());
            }
            // Code is written from left to right whatever language its comments are in.
            attribute(out, "dir", "ltr");
        });
        self.open(Tag::Code);
    }

    /// Opens the note that ends a text which is too long.
    pub(crate) fn open_cut(&mut self) {
        self.begin(Tag::P, |out| attribute(out, "class", "cut"));
    }

    /// Opens a cell.
    pub(crate) fn open_cell(&mut self, tag: Tag, align: Align) {
        self.begin(tag, |out| {
            let class = match align {
                Align::None => return,
                Align::Left => "align-left",
                Align::Center => "align-center",
                Align::Right => "align-right",
            };
            attribute(out, "class", class);
        });
    }

    /// Writes a piece of code that has a colour.
    pub(crate) fn coloured(&mut self, class: Class, text: &str) {
        self.begin(Tag::Span, |out| attribute(out, "class", class.name()));
        self.text(text);
        self.close();
    }

    /// Writes text.
    pub(crate) fn text(&mut self, text: &str) {
        escape(&mut self.out, text);
    }

    /// Ends a line within a paragraph.
    pub(crate) fn br(&mut self) {
        self.out.push_str("<br>");
    }

    /// Writes a line across.
    pub(crate) fn hr(&mut self) {
        self.out.push_str("<hr>");
    }

    /// Closes what was opened last.
    pub(crate) fn close(&mut self) {
        if let Some(Some(tag)) = self.open.pop() {
            self.written -= 1;
            self.out.push_str("</");
            self.out.push_str(tag.name());
            self.out.push('>');
        }
    }

    /// Whether nothing is open.
    pub(crate) fn is_level(&self) -> bool {
        self.open.is_empty()
    }

    /// Closes what is open, and hands over what was written since the last time.
    pub(crate) fn take(&mut self) -> String {
        while !self.is_level() {
            self.close();
        }
        std::mem::take(&mut self.out)
    }

    fn begin(&mut self, tag: Tag, attributes: impl FnOnce(&mut String)) {
        if self.written == DEPTH_MAX {
            // What the element would have kept apart must not run together.
            if !matches!(tag, Tag::Span | Tag::Em | Tag::Strong | Tag::Del | Tag::Code | Tag::A) {
                self.out.push(' ');
            }
            return self.open.push(None);
        }
        self.written += 1;
        self.out.push('<');
        self.out.push_str(tag.name());
        attributes(&mut self.out);
        if tag.has_direction() {
            attribute(&mut self.out, "dir", "auto");
        }
        self.out.push('>');
        self.open.push(Some(tag));
    }
}

/// Writes an attribute. The name is one of this file's own.
fn attribute(out: &mut String, name: &'static str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value);
    out.push('"');
}

/// Writes text so that it is text between tags and in a quoted attribute alike. Control characters
/// are none of HTML's: they are shown as what cannot be shown. A carriage return would be read as a
/// new line, so it is one, unless one follows anyway.
fn escape(out: &mut String, text: &str) {
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let instead = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => "",
            b'\r' => "\n",
            b'\t' | b'\n' => continue,
            0..=0x1f | 0x7f => "\u{fffd}",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(instead);
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut writer = Writer::default();
        writer.open(Tag::Em);
        writer.text("<b a=\"'\">&\0\u{1b}\r\n\r\u{7f}\t");
        let html = writer.take();
        assert_eq!(html, "<em>&lt;b a=&quot;&#39;&quot;&gt;&amp;\u{fffd}\u{fffd}\n\n\u{fffd}\t</em>");
    }

    #[test]
    fn a_language_is_a_short_name_or_none() {
        let name = |info| Lang::of(info).map(|lang| lang.0);
        for (info, wanted) in [
            ("Rust", "rust"),
            (" c++ x", "c++"),
            ("rust,ignore", "rust"),
            ("c#\"onload=\"x", "c#"),
            ("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa"),
        ] {
            assert_eq!(name(info).as_deref(), Some(wanted), "{info}");
        }
        for info in ["", " ", "{.rust}", "ü", "\"", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(name(info), None, "{info}");
        }
    }

    #[test]
    fn elements_lie_so_deep_in_each_other_and_no_deeper() {
        let nested = |depth| {
            let mut writer = Writer::default();
            (0..depth).for_each(|_| writer.open(Tag::Em));
            writer.text("x");
            writer.take()
        };
        assert_eq!(nested(DEPTH_MAX).matches("<em>").count(), DEPTH_MAX);
        assert_eq!(nested(DEPTH_MAX + 1), nested(DEPTH_MAX));
    }
}
