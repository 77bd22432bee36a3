//! What a session is called: by its file, which an agent wrote, or by its user. One line, not long,
//! nothing in it that a terminal or a page could be led astray by.

/// The most characters of a title: a list shows no more, and a file's own may be a whole question.
pub const TITLE_CHARACTERS_MAX: usize = 200;

/// A title: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

/// Why what a user gave is no title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotATitle {
    /// It has more than 200 characters.
    Long,
    /// It has line ends, or characters that are not to be seen.
    Unseen,
}

impl Title {
    /// Of what a file says: what does not belong in a title is left out of it, and what is too long
    /// is cut. None where nothing is left.
    pub fn found(text: &str) -> Option<Self> {
        let words = text.split(|c: char| c.is_whitespace() || c.is_control() || ends_line(c));
        // One character more than may stay tells that it is too long.
        let seen: String = words
            .filter(|word| !word.is_empty())
            .flat_map(|word| [" ", word])
            .flat_map(str::chars)
            .skip(1)
            .filter(|c| !turns_text(*c))
            .take(TITLE_CHARACTERS_MAX + 1)
            .collect();
        let seen = seen.trim();
        if seen.is_empty() {
            return None;
        }
        if seen.chars().nth(TITLE_CHARACTERS_MAX).is_none() {
            return Some(Self(seen.to_owned()));
        }
        let cut: String = seen.chars().take(TITLE_CHARACTERS_MAX - 1).collect();
        Some(Self(format!("{}…", cut.trim_end())))
    }

    /// Of what a user gives, without the white space around it; none for an empty one.
    ///
    /// # Errors
    /// Nothing of it is changed in silence: what is too long or has more than one line is refused.
    pub fn given(text: &str) -> Result<Option<Self>, NotATitle> {
        let text = text.trim_matches(' ');
        if text.chars().any(|c| c.is_control() || ends_line(c) || turns_text(c)) {
            return Err(NotATitle::Unseen);
        }
        if text.chars().nth(TITLE_CHARACTERS_MAX).is_some() {
            return Err(NotATitle::Long);
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it contains `folded`, which [`fold`] made, whatever the case of either.
    pub fn contains(&self, folded: &str) -> bool {
        fold(&self.0).contains(folded)
    }
}

/// `text` with all differences of case gone: `ß` is `ss`, and there is one sigma.
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The two line ends that are no control characters.
fn ends_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// What turns the direction of the text that follows, also beyond the title's end.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        Title::found(text).map(|title| title.0)
    }

    #[test]
    fn a_files_title_is_made_fit() {
        assert_eq!(found(" two\n\t lines \u{7}\u{2028}\u{202e}x ").as_deref(), Some("two lines x"));
        assert_eq!(found(" \n\u{0}\u{2066}"), None);
        assert_eq!(found(&"é".repeat(TITLE_CHARACTERS_MAX)), Some("é".repeat(TITLE_CHARACTERS_MAX)));
        let cut = "é".repeat(TITLE_CHARACTERS_MAX - 1) + "…";
        assert_eq!(found(&"é".repeat(TITLE_CHARACTERS_MAX + 1)), Some(cut));
    }

    #[test]
    fn a_users_title_is_taken_as_it_is_or_not_at_all() {
        let given = |text: &str| Title::given(text).map(|title| title.map(|title| title.0));
        assert_eq!(given("  a  b "), Ok(Some("a  b".to_owned())));
        assert_eq!(given("   "), Ok(None));
        let longest = "é".repeat(TITLE_CHARACTERS_MAX);
        assert_eq!(given(&longest), Ok(Some(longest.clone())));
        assert_eq!(given(&(longest + "é")), Err(NotATitle::Long));
        for text in ["a\nb", "a\u{0}", "\u{2029}", "a\u{202e}b", "\u{85}", "\tx"] {
            assert_eq!(given(text), Err(NotATitle::Unseen), "{text:?}");
        }
    }

    #[test]
    fn the_case_does_not_count_in_any_script() {
        let title = Title::found("Über die STRASSE nach ΟΔΟΣ").expect("a title");
        for text in ["über", "ÜBER", "straße", "οδος", "οδοσ", "e nach ο"] {
            assert!(title.contains(&fold(text)), "{text}");
        }
        assert!(!title.contains(&fold("uber")));
    }
}
