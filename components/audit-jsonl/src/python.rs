//! Values as Python's `json.dumps(..., ensure_ascii=False)` writes them.

use std::fmt::Write as _;

/// Writes text in quotation marks. Python escapes just what `serde_json` does: the quotation mark,
/// the backslash, and the controls below the space, five of them by a letter.
pub fn text(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("memory can always be written to");
}

/// Writes a number as Python's `repr` does: the fewest digits that mean it, with an exponent where
/// that is below -4 or above 15, and the three that JSON does not have by their JavaScript names.
pub fn real(line: &mut Vec<u8>, number: f64) {
    line.extend_from_slice(repr(number).as_bytes());
}

fn repr(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{number:?}");
    }
    let mut text = mantissa.to_owned();
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(text, "e{sign}{:02}", exponent.unsigned_abs()).expect("text can always be written to");
    text
}

#[cfg(test)]
mod tests {
    use super::{real, text};

    #[test]
    fn reals_are_pythons() {
        for (number, python) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.000_012_3, "1.23e-05"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut line = Vec::new();
            real(&mut line, number);
            assert_eq!(String::from_utf8_lossy(&line), python);
        }
    }

    #[test]
    fn only_what_must_be_escaped_is() {
        let mut line = Vec::new();
        text(&mut line, "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{80}\u{2028}é🦀");
        assert_eq!(
            String::from_utf8_lossy(&line),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\u{80}\u{2028}é🦀\""
        );
    }
}
