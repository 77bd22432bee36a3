//! An agent's text as HTML that a page may take in as it is.
//!
//! The text is Markdown and hostile. What comes out has only the tags and attributes of [`lists`],
//! no address but of `http`, `https` and `mailto`, and no text that was not escaped; the parser hands
//! over structure and never HTML. What was written is then cleaned by [`sanitizer`], which is to find
//! nothing. Refuses to know HTTP, runs and sessions.
//!
//! Classes, for a page's style sheet:
//!
//! | class | of | is |
//! |---|---|---|
//! | `code` | `pre` | a block of code; `data-lang` is its language |
//! | `align-left`, `align-center`, `align-right` | `th`, `td` | how a column is set |
//! | `cut` | `p` | the note that ends a text which is too long |
//! | `hl-keyword` | `span` | a word of the language; a tag's name |
//! | `hl-type` | `span` | a type, built in or by its capital letter |
//! | `hl-constant` | `span` | `true`, `null` and their like |
//! | `hl-number` | `span` | a number |
//! | `hl-string` | `span` | a string or a character |
//! | `hl-comment` | `span` | a comment |
//! | `hl-function` | `span` | what is called, a macro, a decorator |
//! | `hl-variable` | `span` | `$name`; the key of a setting; an attribute's name |
//! | `hl-operator` | `span` | `+`, `=>`, `&&` |
//! | `hl-heading` | `span` | a section's head; where a patch goes on |
//! | `hl-inserted`, `hl-deleted` | `span` | a patch's lines |
//! | `hl-hidden` | `span` | a character that turns the direction of what follows, or cannot be seen |

mod blocks;
mod code;
mod highlight;
mod languages;
mod links;
mod lists;
mod live;
mod markup;
mod sanitizer;
mod source;

pub use live::{Live, Shown};

use blocks::Parsed;
use markup::Writer;
use sanitizer::Written;

/// How much of a text is rendered, in bytes. A long answer has a hundredth of that; a browser that
/// lays out more as one page is no longer of use, and the worst of texts takes 400 times its length in
/// memory for a moment.
pub const TEXT_MAX: usize = 512 << 10;

/// What stands after a text that is longer.
const CUT: &str = "The text goes on, but is too long to be shown here.";

/// Renders a whole text: its [`blocks`], one after the other. Of a text longer than [`TEXT_MAX`] the
/// beginning, and a note that it goes on.
pub fn document(markdown: &str) -> String {
    blocks(markdown).concat()
}

/// Renders a whole text: for each block of Markdown (a paragraph, a list, a block of code) one
/// element.
pub fn blocks(markdown: &str) -> Vec<String> {
    written(markdown).map(|html| html.cleaned()).collect()
}

/// Says where what was written and what the sanitizer makes of it differ. They do for no text: either
/// of the two would have a fault. For the tests, since [`blocks`] shows only what is left.
pub fn disagreement(markdown: &str) -> Option<String> {
    written(markdown).find_map(|html| html.disagreement())
}

fn written(markdown: &str) -> impl Iterator<Item = Written> {
    let (text, is_cut) = source::shown(markdown);
    let Parsed { blocks, .. } = blocks::parse(text);
    blocks.into_iter().map(|block| block.html).chain(is_cut.then(cut_note))
}

/// The note that a text goes on.
fn cut_note() -> Written {
    let mut writer = Writer::default();
    writer.open_cut();
    writer.text(CUT);
    writer.take()
}
