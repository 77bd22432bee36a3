//! What is known of each language: its words and its signs, no more. A language that is not here is
//! shown without colours.

mod braces;
mod words;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use braces::BRACES;
use words::WORDS;

use crate::lists::Colour;

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
    keywords: &'static str,
    constants: &'static str,
    types: &'static str,
    /// Whether words are the same in capital letters.
    any_case: bool,
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

/// A language with its words in order: each word of a code is looked up.
#[derive(Debug)]
pub(crate) struct Lexicon {
    pub language: &'static Language,
    /// Sorted by [`Self::compare`], each word once.
    words: Vec<(&'static str, Colour)>,
}

impl Lexicon {
    fn of(language: &'static Language) -> Self {
        let mut lexicon = Self { language, words: Vec::new() };
        let lists = [
            (language.keywords, Colour::Keyword),
            (language.constants, Colour::Constant),
            (language.types, Colour::Type),
        ];
        let mut words: Vec<_> = lists
            .into_iter()
            .flat_map(|(list, colour)| list.split_whitespace().map(move |word| (word, colour)))
            .collect();
        // A word of two lists is of the first: the order of equal ones stays.
        words.sort_by(|(a, _), (b, _)| lexicon.compare(a, b));
        words.dedup_by(|(a, _), (b, _)| lexicon.compare(a, b).is_eq());
        lexicon.words = words;
        lexicon
    }

    /// What kind of word this is, if the language knows it.
    pub(crate) fn word(&self, text: &str) -> Option<Colour> {
        let at = self.words.binary_search_by(|(word, _)| self.compare(word, text)).ok()?;
        Some(self.words[at].1)
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        if !self.language.any_case {
            return a.cmp(b);
        }
        a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
    }
}

static LEXICONS: LazyLock<Vec<Lexicon>> =
    LazyLock::new(|| BRACES.iter().chain(&WORDS).map(Lexicon::of).collect());

static BY_NAME: LazyLock<HashMap<&str, &Lexicon>> = LazyLock::new(|| {
    LEXICONS.iter().flat_map(|one| one.language.names.split(' ').map(move |name| (name, one))).collect()
});

/// The language of this name, in small letters.
pub(crate) fn named(name: &str) -> Option<&'static Lexicon> {
    BY_NAME.get(name).copied()
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
    fn each_word_is_found() {
        for lexicon in LEXICONS.iter() {
            let language = lexicon.language;
            for word in language.keywords.split_whitespace() {
                assert_eq!(lexicon.word(word), Some(Colour::Keyword), "{word}");
            }
            for word in language.constants.split_whitespace().chain(language.types.split_whitespace()) {
                assert!(lexicon.word(word).is_some(), "{word}");
                assert_eq!(lexicon.word(&format!("{word}0")), None, "{word}");
            }
        }
        let word = |language, word| named(language).and_then(|lexicon| lexicon.word(word));
        assert_eq!(word("sql", "sElEcT"), Some(Colour::Keyword));
        assert_eq!((word("rust", "Fn"), word("rust", "")), (None, None));
    }

    #[test]
    fn what_is_not_known_has_no_colours() {
        assert!(named("").is_none());
        assert!(named("text").is_none());
        assert!(named("rust rs").is_none());
    }
}
