//! Which pieces of a code are of which kind: one pass, no regular expressions, so that the time is in
//! proportion to the length whatever is fed to it. It is right about what meets the eye (comments,
//! strings, words) and does not understand code. Knows no HTML.

use std::ops::Range;

use crate::languages::{Language, Lexicon, Shape};
use crate::lists::Colour;

/// What operators are made of.
const OPERATORS: &[u8] = b"=<>+-*/%!&|^~?";

/// The pieces of a code that have a colour, in their order; what lies between them is plain.
pub(crate) fn tokens<'a>(
    lexicon: &'static Lexicon,
    code: &'a str,
) -> impl Iterator<Item = (Colour, Range<usize>)> + 'a {
    Tokens { lexicon, language: lexicon.language, code, at: 0, in_tag: false }
}

#[derive(Debug)]
struct Tokens<'a> {
    lexicon: &'static Lexicon,
    language: &'static Language,
    code: &'a str,
    at: usize,
    /// Whether this lies between `<` and `>` of markup.
    in_tag: bool,
}

impl Iterator for Tokens<'_> {
    type Item = (Colour, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.code.len() {
            let start = self.at;
            let (class, length) = match self.language.shape {
                Shape::Code => self.code_token(),
                Shape::Patch => self.patch_line(),
                Shape::Markup => self.markup_token(),
            };
            // A step is never empty, nor ends within a character.
            self.at = self.code.ceil_char_boundary(start + length.max(1));
            if let Some(class) = class {
                return Some((class, start..self.at));
            }
        }
        None
    }
}

impl<'a> Tokens<'a> {
    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }

    fn starts_line(&self) -> bool {
        self.at == 0 || self.code.as_bytes()[self.at - 1] == b'\n'
    }

    fn code_token(&self) -> (Option<Colour>, usize) {
        let (language, rest) = (self.language, self.rest());
        let first = rest.as_bytes()[0];
        if self.starts_line() && language.headings.iter().any(|head| rest.starts_with(head)) {
            return (Some(Colour::Heading), line(rest));
        }
        if let Some(comment) = self.comment() {
            return (Some(Colour::Comment), comment);
        }
        if let Some(string) = self.string() {
            let class = if self.is_key(string) { Colour::Variable } else { Colour::String };
            return (Some(class), string);
        }
        if first.is_ascii_digit() {
            return (Some(Colour::Number), word(rest, "."));
        }
        if language.sigils.as_bytes().contains(&first) {
            let braced = rest[1..].starts_with('{');
            let name = if braced { find(rest, 1, "}", Until::Line) - 1 } else { word(&rest[1..], "") };
            return (if name == 0 { None } else { Some(Colour::Variable) }, 1 + name);
        }
        if first == b'@' && language.decorators {
            return (Some(Colour::Function), 1 + word(&rest[1..], "."));
        }
        let length = word(rest, language.word_also);
        if length > 0 {
            return (self.word_class(&rest[..length], length), length);
        }
        if language.operators && OPERATORS.contains(&first) {
            return (Some(Colour::Operator), self.operators());
        }
        plain(rest)
    }

    /// How many operators stand here, up to where a comment begins.
    fn operators(&self) -> usize {
        let rest = self.rest();
        let ends =
            |at: &usize| !OPERATORS.contains(&rest.as_bytes()[*at]) || self.begins_comment(&rest[*at..]);
        (1..rest.len()).find(ends).unwrap_or(rest.len())
    }

    fn begins_comment(&self, rest: &str) -> bool {
        let language = self.language;
        language.line_comments.iter().any(|mark| rest.starts_with(mark))
            || language.block_comment.is_some_and(|(open, _)| rest.starts_with(open))
    }

    fn comment(&self) -> Option<usize> {
        let (language, rest) = (self.language, self.rest());
        if let Some((open, close)) = language.block_comment
            && rest.starts_with(open)
        {
            return Some(find(rest, open.len(), close, Until::End));
        }
        let mark = language.line_comments.iter().find(|mark| rest.starts_with(**mark))?;
        // `$#` of a shell and `a#b` of YAML begin none.
        let before = self.code[..self.at].bytes().next_back();
        let alone = *mark != "#" || before.is_none_or(|byte| byte.is_ascii_whitespace() || byte == b';');
        alone.then(|| line(rest))
    }

    /// How long the string is that begins here. One that is not closed ends with its line, or with the
    /// code if it may have several.
    fn string(&self) -> Option<usize> {
        let (language, rest) = (self.language, self.rest());
        if language.rust_strings
            && let Some(length) = rust_string(rest)
        {
            return Some(length);
        }
        let quote = language.strings.iter().find(|quote| rest.starts_with(**quote))?;
        let several_lines = quote.len() > 1 || *quote == "`" || language.long_strings;
        let until = if several_lines { Until::EscapedEnd } else { Until::EscapedLine };
        Some(find(rest, quote.len(), quote, until))
    }

    /// Whether what has this length and begins here is a key: the sign for that follows it.
    fn is_key(&self, length: usize) -> bool {
        let after = self.rest()[length..].trim_start_matches([' ', '\t']);
        let mut after = after.chars();
        self.language.key_sign.is_some_and(|sign| after.next() == Some(sign) && after.next() != Some(sign))
    }

    fn word_class(&self, text: &str, length: usize) -> Option<Colour> {
        let language = self.language;
        let after = &self.rest().as_bytes()[length..];
        if self.is_key(length) {
            Some(Colour::Variable)
        } else if let Some(colour) = self.lexicon.word(text) {
            Some(colour)
        } else if language.calls
            && (after.first() == Some(&b'(') || after.starts_with(b"!(") || after.starts_with(b"!["))
        {
            Some(Colour::Function)
        } else if language.capital_types && text.starts_with(|c: char| c.is_ascii_uppercase()) {
            let all =
                text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
            Some(if all && text.len() > 1 { Colour::Constant } else { Colour::Type })
        } else {
            None
        }
    }

    fn patch_line(&self) -> (Option<Colour>, usize) {
        let rest = self.rest();
        let heads = ["@@", "diff ", "index ", "+++ ", "--- ", "Index: "];
        let class = match rest.as_bytes()[0] {
            _ if heads.iter().any(|head| rest.starts_with(head)) => Some(Colour::Heading),
            b'+' | b'>' => Some(Colour::Inserted),
            b'-' | b'<' => Some(Colour::Deleted),
            _ => None,
        };
        (class, line(rest))
    }

    fn markup_token(&mut self) -> (Option<Colour>, usize) {
        let rest = self.rest();
        if rest.starts_with("<!--") {
            return (Some(Colour::Comment), find(rest, 4, "-->", Until::End));
        }
        let first = rest.as_bytes()[0];
        if !self.in_tag {
            let mark = rest.bytes().take(2).take_while(|byte| b"</!?".contains(byte)).count();
            let length = if first == b'<' { word(&rest[mark..], ":-.") } else { 0 };
            self.in_tag = length > 0;
            return match first {
                b'<' if self.in_tag => (Some(Colour::Keyword), mark + length),
                b'&' => (Some(Colour::Constant), 1 + word(&rest[1..], "#;")),
                _ => plain(rest),
            };
        }
        let (class, length) = match first {
            b'"' | b'\'' => (Some(Colour::String), find(rest, 1, &rest[..1], Until::End)),
            b'>' | b'/' => {
                let ends = first == b'>' || rest.starts_with("/>");
                let length = if ends { rest.find('>').map_or(1, |at| at + 1) } else { 1 };
                return self.end_tag(ends, length);
            }
            _ => match word(rest, ":-.@#") {
                0 => (None, 1),
                length => (Some(Colour::Variable), length),
            },
        };
        (class, length)
    }

    fn end_tag(&mut self, ends: bool, length: usize) -> (Option<Colour>, usize) {
        self.in_tag = !ends;
        (ends.then_some(Colour::Keyword), length)
    }
}

/// Up to the end of the line, without it unless nothing stands before it.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// How many bytes are of a word: letters, digits, `_`, and those that are given.
fn word(rest: &str, also: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || also.contains(c))).unwrap_or(rest.len())
}

/// One step over a character that has no colour.
fn plain(rest: &str) -> (Option<Colour>, usize) {
    (None, rest.chars().next().map_or(1, char::len_utf8))
}

/// Whether a character cannot be seen and changes what is: how a line reads need not be how it runs.
pub(crate) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How far an end is looked for, and whether a backslash takes the next character's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Line,
    End,
    EscapedLine,
    EscapedEnd,
}

/// Where what begins at 0 ends: behind `close`, looked for from `from`, or where it is given up. What
/// was looked through is always part of what was found, so nothing is looked through twice.
fn find(rest: &str, from: usize, close: &str, until: Until) -> usize {
    let bytes = rest.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' if matches!(until, Until::Line | Until::EscapedLine) => return at,
            b'\\' if matches!(until, Until::EscapedLine | Until::EscapedEnd) => at += 2,
            _ if bytes[at..].starts_with(close.as_bytes()) => return at + close.len(),
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r#"…"#`, `b'…'`, `'…'`, and what looks like the last and is a lifetime: none.
fn rust_string(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let Some(after) = raw {
        let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
        if after[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            return Some(find(rest, rest.len() - after.len() + hashes + 1, &close, Until::End));
        }
    }
    let quoted = rest.strip_prefix("b'").or_else(|| rest.strip_prefix('\''))?;
    let before = rest.len() - quoted.len();
    let mut chars = quoted.char_indices();
    match chars.next()?.1 {
        '\\' => Some(find(rest, before, "'", Until::EscapedLine)),
        _ => chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| before + at + 1),
    }
}
