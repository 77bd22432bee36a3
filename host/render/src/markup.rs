//! The only place where HTML is written: tags and attributes of [`crate::lists`], text always
//! escaped, each element closed. What is not in these lists cannot come out, whatever comes in. It
//! is written as [`crate::sanitizer`] would write it, to the byte. Knows no Markdown.

use crate::links::Href;
use crate::lists::{self, Align, Attribute, Colour, LANG_MAX, Tag};
use crate::sanitizer::Written;

/// How deep elements lie in each other. A browser flattens at 512 and slows down before; nobody
/// reads at 40. What lies deeper keeps its text and loses its tags.
pub(crate) const DEPTH_MAX: usize = 40;

/// How long the title of a link may be, in bytes. A browser shows less; what is longer is left out.
pub(crate) const TITLE_MAX: usize = 1024;

/// The name of a language: 1 to 20 of `a-z0-9+#-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lang(String);

impl Lang {
    /// The first word of a code block's info string, in small letters, as far as it is a name.
    pub(crate) fn of(info: &str) -> Option<Self> {
        let name: String = info
            .trim_start()
            .chars()
            .take(LANG_MAX + 1)
            .map(|c| c.to_ascii_lowercase())
            .take_while(|c| lists::is_language(c.encode_utf8(&mut [0; 4])))
            .collect();
        lists::is_language(&name).then_some(Self(name))
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
                attribute(out, Attribute::Start, &start.to_string());
            }
        });
    }

    /// Opens a link to where links may lead.
    pub(crate) fn open_link(&mut self, href: &Href, title: &str) {
        self.begin(Tag::A, |out| {
            attribute(out, Attribute::Href, href.as_str());
            if (1..=TITLE_MAX).contains(&title.len()) {
                attribute(out, Attribute::Title, title);
            }
            attribute(out, Attribute::Rel, lists::REL);
            attribute(out, Attribute::Target, lists::TARGET);
        });
    }

    /// Opens a block of code: two elements, each to be closed.
    pub(crate) fn open_code_block(&mut self, lang: Option<&Lang>) {
        self.begin(Tag::Pre, |out| {
            attribute(out, Attribute::Class, lists::CLASS_CODE);
            if let Some(lang) = lang {
                attribute(out, Attribute::DataLang, lang.name());
            }
            attribute(out, Attribute::Dir, "ltr");
        });
        self.open(Tag::Code);
    }

    /// Opens the note that ends a text which is too long.
    pub(crate) fn open_cut(&mut self) {
        self.begin(Tag::P, |out| attribute(out, Attribute::Class, lists::CLASS_CUT));
    }

    /// Opens a cell.
    pub(crate) fn open_cell(&mut self, tag: Tag, align: Option<Align>) {
        self.begin(tag, |out| {
            if let Some(align) = align {
                attribute(out, Attribute::Class, align.name());
            }
        });
    }

    /// Writes a piece of code that has a colour.
    pub(crate) fn coloured(&mut self, colour: Colour, text: &str) {
        self.begin(Tag::Span, |out| attribute(out, Attribute::Class, colour.name()));
        self.text(text);
        self.close();
    }

    /// Writes text.
    pub(crate) fn text(&mut self, text: &str) {
        escape(&mut self.out, text, Place::Text);
    }

    /// Ends a line within a paragraph.
    pub(crate) fn br(&mut self) {
        self.single(Tag::Br);
    }

    /// Writes a line across.
    pub(crate) fn hr(&mut self) {
        self.single(Tag::Hr);
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
    pub(crate) fn take(&mut self) -> Written {
        while !self.is_level() {
            self.close();
        }
        Written::new(std::mem::take(&mut self.out))
    }

    /// Writes an element that has neither attributes nor an end.
    fn single(&mut self, tag: Tag) {
        self.out.extend(["<", tag.name(), ">"]);
    }

    /// Whether an element can be written here. One that a browser takes to pieces if a part of it is
    /// missing has room for all of its parts, or none.
    fn has_room_for(&self, tag: Tag) -> bool {
        let left = DEPTH_MAX - self.written;
        match tag {
            // A head or a body, a row, a cell.
            Tag::Table => left >= 4,
            // What stands between the two is code's first line, which may be empty; after `pre` alone
            // that would be dropped.
            Tag::Pre => left >= 2,
            Tag::Thead | Tag::Tbody | Tag::Tr | Tag::Th | Tag::Td => {
                matches!(self.open.last(), Some(Some(_)))
            }
            _ => left >= 1,
        }
    }

    fn begin(&mut self, tag: Tag, attributes: impl FnOnce(&mut String)) {
        if !self.has_room_for(tag) {
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
            attribute(&mut self.out, Attribute::Dir, "auto");
        }
        self.out.push('>');
        self.open.push(Some(tag));
    }
}

/// Writes an attribute.
fn attribute(out: &mut String, name: Attribute, value: &str) {
    out.extend([" ", name.name(), "=\""]);
    escape(out, value, Place::Attribute);
    out.push('"');
}

/// Where text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    /// Between double quotes.
    Attribute,
}

/// Writes text so that it is text, with the escapes that the standard has a browser write. Control
/// characters are none of HTML's: they are shown as what cannot be shown. A carriage return would be
/// read as a new line, so it is one, unless one follows anyway.
fn escape(out: &mut String, text: &str, place: Place) {
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let (instead, length) = match byte {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'"' if place == Place::Attribute => ("&quot;", 1),
            // U+00A0, a space that does not break.
            0xc2 if bytes.get(at + 1) == Some(&0xa0) => ("&nbsp;", 2),
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => ("", 1),
            b'\r' => ("\n", 1),
            b'\t' | b'\n' => continue,
            0..=0x1f | 0x7f => ("\u{fffd}", 1),
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        out.push_str(instead);
        plain = at + length;
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
        writer.text("<b a=\"'\">&\0\u{1b}\r\n\r\u{7f}\t\u{a0}\u{a1}");
        let html = writer.take();
        let wanted = "<em>&lt;b a=\"'\"&gt;&amp;\u{fffd}\u{fffd}\n\n\u{fffd}\t&nbsp;\u{a1}</em>";
        assert_eq!(html, Written::new(wanted.into()));
        let mut value = String::new();
        attribute(&mut value, Attribute::Title, "\">'\u{a0}");
        assert_eq!(value, " title=\"&quot;&gt;'&nbsp;\"");
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
    fn a_title_has_a_length() {
        let has_title = |length: usize| {
            let mut writer = Writer::default();
            let href = Href::of("https://a.example/").expect("it is an address");
            writer.open_link(&href, &"a".repeat(length));
            writer.take().cleaned().contains("title")
        };
        assert!(has_title(TITLE_MAX));
        assert!(!has_title(TITLE_MAX + 1));
    }

    #[test]
    fn elements_lie_so_deep_in_each_other_and_no_deeper() {
        let nested = |depth| {
            let mut writer = Writer::default();
            (0..depth).for_each(|_| writer.open(Tag::Em));
            writer.text("x");
            writer.take().cleaned()
        };
        assert_eq!(nested(DEPTH_MAX).matches("<em>").count(), DEPTH_MAX);
        assert_eq!(nested(DEPTH_MAX + 1), nested(DEPTH_MAX));
    }
}
