//! The format's two ways of escaping, and what becomes of characters that neither can write. Knows no
//! events.
//!
//! A header's parts are parted by `|`, an extension's values by the next `key=`; each escapes its own
//! sign and the backslash. Only a value may have line ends, as `\n` and `\r`. For other control
//! characters, and for what turns the direction of writing around, the format has nothing: U+FFFD
//! stands in, so that no reader, terminal or editor takes a text for an order.

/// What stands for a character that cannot be written.
const REPLACEMENT: char = '\u{fffd}';

/// Writes at most `most` characters of `text` as a part of the header. Line ends become spaces.
pub fn header(line: &mut String, text: &str, most: usize) {
    for character in text.chars().take(most) {
        match character {
            '|' => line.push_str("\\|"),
            '\\' => line.push_str("\\\\"),
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => line.push(' '),
            other => line.push(writable(other)),
        }
    }
}

/// Writes at most `most` characters of `text` as a value of the extension.
pub fn value(line: &mut String, text: &str, most: usize) {
    for character in text.chars().take(most) {
        match character {
            '=' => line.push_str("\\="),
            '\\' => line.push_str("\\\\"),
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            other => line.push(writable(other)),
        }
    }
}

/// Writes a field's name as a key of our own: `overlord` and the words of it, such as
/// `overlordResultLen`. A key has letters and digits of ASCII and nothing else.
pub fn key(name: &str, most: usize) -> String {
    let mut key = "overlord".to_owned();
    for word in name.split(|character: char| !character.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        key.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        key.push_str(letters.as_str());
    }
    key.truncate(most);
    key
}

fn writable(character: char) -> char {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns { REPLACEMENT } else { character }
}

#[cfg(test)]
mod tests {
    use super::{header, key, value};

    fn written(write: fn(&mut String, &str, usize), text: &str, most: usize) -> String {
        let mut line = String::new();
        write(&mut line, text, most);
        line
    }

    #[test]
    fn each_escapes_its_own_sign_and_the_backslash() {
        let text = "a|b=c\\d\ne\rf\u{2028}g\u{0}\u{202e}é";
        assert_eq!(written(header, text, 99), "a\\|b=c\\\\d e f g\u{fffd}\u{fffd}é");
        assert_eq!(written(value, text, 99), "a|b\\=c\\\\d\\ne\\rf\\ng\u{fffd}\u{fffd}é");
    }

    #[test]
    fn a_text_is_cut_before_it_is_escaped() {
        assert_eq!(written(header, "||||", 3), "\\|\\|\\|");
        assert_eq!(written(value, "é=é=", 3), "é\\=é");
    }

    #[test]
    fn a_key_has_letters_and_digits() {
        assert_eq!(key("result_len", 99), "overlordResultLen");
        assert_eq!(key("a=b c|d\né9_", 99), "overlordABCD9");
        assert_eq!(key("", 99), "overlord");
        assert_eq!(key("result_len", 14), "overlordResult");
    }
}
