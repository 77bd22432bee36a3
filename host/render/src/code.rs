//! A block of code, in colours where that is worth its bytes. Knows no language.

use crate::highlight::{self, is_hidden};
use crate::languages;
use crate::lists::Colour;
use crate::markup::{Lang, Writer};

/// How much code gets colours, in bytes. What is longer is data or a log: its spans would cost the
/// browser more than they help the reader.
pub(crate) const COLOURED_MAX: usize = 64 << 10;

/// How many pieces of one block get a colour; the rest is plain. 64 KiB of usual code have ten
/// thousand; code of single digits would have three times that, and thirty bytes of HTML for each.
pub(crate) const SPANS_MAX: usize = 16_384;

/// Writes a block of code.
pub(crate) fn write(writer: &mut Writer, lang: Option<&Lang>, code: &str) {
    writer.open_code_block(lang);
    let mut pieces = Pieces { writer, spans: 0 };
    let mut at = 0;
    if let Some(lexicon) = lang.and_then(|lang| languages::named(lang.name()))
        && code.len() <= COLOURED_MAX
    {
        for (colour, range) in highlight::tokens(lexicon, code).take(SPANS_MAX) {
            pieces.put(None, &code[at..range.start]);
            at = range.end;
            pieces.put(Some(colour), &code[range]);
        }
    }
    pieces.put(None, &code[at..]);
    writer.close();
    writer.close();
}

/// Writes pieces, and marks in each of them what cannot be seen.
#[derive(Debug)]
struct Pieces<'a> {
    writer: &'a mut Writer,
    spans: usize,
}

impl Pieces<'_> {
    fn put(&mut self, colour: Option<Colour>, mut text: &str) {
        while let Some(at) = text.find(is_hidden).filter(|_| self.spans < SPANS_MAX) {
            self.put_seen(colour, &text[..at]);
            let end = text[at..].find(|c| !is_hidden(c)).map_or(text.len(), |length| at + length);
            self.put_seen(Some(Colour::Hidden), &text[at..end]);
            text = &text[end..];
        }
        self.put_seen(colour, text);
    }

    fn put_seen(&mut self, colour: Option<Colour>, text: &str) {
        match colour.filter(|_| self.spans < SPANS_MAX) {
            _ if text.is_empty() => {}
            None => self.writer.text(text),
            Some(colour) => {
                self.spans += 1;
                self.writer.coloured(colour, text);
            }
        }
    }
}
