//! Keys by name, as `WebDriver`'s actions have them.

use serde_json::{Value, json};

/// Keys that are no character, with the standard's code for each.
const NAMED: [(&str, char); 20] = [
    ("Backspace", '\u{e003}'),
    ("Tab", '\u{e004}'),
    ("Enter", '\u{e007}'),
    ("Shift", '\u{e008}'),
    ("Control", '\u{e009}'),
    ("Alt", '\u{e00a}'),
    ("Escape", '\u{e00c}'),
    ("Space", ' '),
    ("PageUp", '\u{e00e}'),
    ("PageDown", '\u{e00f}'),
    ("End", '\u{e010}'),
    ("Home", '\u{e011}'),
    ("ArrowLeft", '\u{e012}'),
    ("ArrowUp", '\u{e013}'),
    ("ArrowRight", '\u{e014}'),
    ("ArrowDown", '\u{e015}'),
    ("Delete", '\u{e017}'),
    ("F2", '\u{e032}'),
    ("F6", '\u{e036}'),
    ("Meta", '\u{e03d}'),
];

/// The actions of one chord, such as `Control+Shift+K`, `/` or `Enter`: all go down in order and come
/// up again in the opposite one.
#[track_caller]
pub fn chord(keys: &str) -> Value {
    // `+` alone is a key as well.
    let keys: Vec<_> = if keys == "+" { vec!['+'] } else { keys.split('+').map(code).collect() };
    let down = keys.iter().map(|key| json!({"type": "keyDown", "value": key}));
    let up = keys.iter().rev().map(|key| json!({"type": "keyUp", "value": key}));
    let actions: Vec<_> = down.chain(up).collect();
    json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})
}

#[track_caller]
fn code(name: &str) -> char {
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => one,
        _ => {
            NAMED.iter().find(|known| known.0 == name).unwrap_or_else(|| panic!("there is no key {name:?}")).1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &str) -> Vec<(String, String)> {
        let chord = chord(keys);
        let actions = chord["actions"][0]["actions"].as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        actions.iter().map(|action| (text(&action["type"]), text(&action["value"]))).collect()
    }

    #[test]
    fn a_chord_comes_up_in_the_opposite_order() {
        let pairs = |list: &[(&str, &str)]| -> Vec<_> {
            list.iter().map(|(kind, value)| ((*kind).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            pressed("Control+k"),
            pairs(&[("keyDown", "\u{e009}"), ("keyDown", "k"), ("keyUp", "k"), ("keyUp", "\u{e009}")])
        );
        assert_eq!(pressed("+"), pairs(&[("keyDown", "+"), ("keyUp", "+")]));
        assert_eq!(pressed("Space"), pairs(&[("keyDown", " "), ("keyUp", " ")]));
    }
}
