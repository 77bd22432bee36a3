//! What is known of each language: its words and its signs, no more. A language that is not here is
//! shown without colours.

mod braces;
mod words;

use braces::BRACES;
use words::WORDS;

/// How a code is taken to pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Words, strings and comments.
    Code,
    /// Line by line, by their first characters.
    Patch,
    /// Tags and text.
    Markup,
}

/// One language, or some that look alike. Lists of words have a space between each two.
#[expect(clippy::struct_excessive_bools, reason = "each says yes or no to something of its own")]
#[derive(Debug)]
pub(crate) struct Language {
    /// What it is called behind a fence.
    names: &'static str,
    pub shape: Shape,
    pub line_comments: &'static [&'static str],
    pub block_comment: Option<(&'static str, &'static str)>,
    /// What strings begin and end with, the longer ones first.
    pub strings: &'static [&'static str],
    /// Whether all strings may go over several lines; those with longer quotes do anyway.
    pub long_strings: bool,
    /// Raw strings, and characters beside lifetimes.
    pub rust_strings: bool,
    pub keywords: &'static str,
    pub constants: &'static str,
    pub types: &'static str,
    /// Whether words are the same in capital letters.
    pub any_case: bool,
    /// Whether a capital letter makes a type, and nothing but those a constant.
    pub capital_types: bool,
    /// Whether a word before a bracket is a function.
    pub calls: bool,
    /// Whether `@word` is a decorator.
    pub decorators: bool,
    /// What a variable begins with.
    pub sigils: &'static str,
    /// What else a word may have in it.
    pub word_also: &'static str,
    /// What stands behind a key.
    pub key_sign: Option<char>,
    /// What a line that is a heading begins with.
    pub headings: &'static [&'static str],
    pub operators: bool,
}

/// A language that has nothing of its own.
const PLAIN: Language = Language {
    names: "",
    shape: Shape::Code,
    line_comments: &[],
    block_comment: None,
    strings: &[],
    long_strings: false,
    rust_strings: false,
    keywords: "",
    constants: "",
    types: "",
    any_case: false,
    capital_types: false,
    calls: false,
    decorators: false,
    sigils: "",
    word_also: "",
    key_sign: None,
    headings: &[],
    operators: false,
};

/// The language of this name, in small letters.
pub(crate) fn named(name: &str) -> Option<&'static Language> {
    BRACES.iter().chain(&WORDS).find(|language| language.names.split(' ').any(|one| one == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_language() {
        let mut names: Vec<_> =
            BRACES.iter().chain(&WORDS).flat_map(|language| language.names.split(' ')).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.iter().all(|name| named(name).is_some() && name.len() <= 20));
    }

    #[test]
    fn what_is_not_known_has_no_colours() {
        assert!(named("").is_none());
        assert!(named("text").is_none());
        assert!(named("rust rs").is_none());
    }
}
