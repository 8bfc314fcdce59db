//! The corners of JavaScript that decide how a file is read: white space and numbers as text.

/// Returns whether `String.prototype.trim` and `\s` take the character for white space.
///
/// That is Unicode's white space with the byte order mark and without NEL.
pub(crate) fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// `String.prototype.trim`.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `String(number)` for a number written in JSON: `1.50` → `1.5`, `1e21` → `1e+21`, `-0` → `0`.
///
/// See <https://tc39.es/ecma262/#sec-numeric-types-number-tostring>.
pub(super) fn number_text(json: &str) -> String {
    let Ok(number) = json.parse::<f64>() else {
        return json.to_owned();
    };
    if number == 0.0 {
        return "0".to_owned();
    }
    let sign = if number < 0.0 { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}Infinity");
    }
    // Rust prints the shortest digits that read back as the same number, as JavaScript does.
    let shortest = format!("{:e}", number.abs());
    let Some((mantissa, exponent)) = shortest.split_once('e') else {
        return shortest;
    };
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{sign}{}", place_point(&digits, exponent))
}

/// Writes `d.igits × 10^exponent`: plainly between 1e-7 and 1e21, with an exponent outside.
fn place_point(digits: &str, exponent: i32) -> String {
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match exponent {
        0..21 if digits.len() <= whole => {
            format!("{digits}{}", "0".repeat(whole - digits.len()))
        }
        0..21 => {
            let (before, after) = digits.split_at(whole);
            format!("{before}.{after}")
        }
        -6..0 => format!("0.{}{digits}", zeros(-exponent - 1)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{first}{point}{rest}e{exponent:+}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_space, number_text, trim};

    #[test]
    fn numbers_read_as_javascript_writes_them() {
        for (json, text) in [
            ("1", "1"),
            ("1.50", "1.5"),
            ("-0", "0"),
            ("0.1", "0.1"),
            ("100", "100"),
            ("1E5", "100000"),
            ("1e21", "1e+21"),
            ("1.25e25", "1.25e+25"),
            ("123456789012345680000", "123456789012345680000"),
            ("12345678901234567890", "12345678901234567000"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("-1.5e-9", "-1.5e-9"),
            ("5e-324", "5e-324"),
            ("1e999", "Infinity"),
            ("-1e999", "-Infinity"),
        ] {
            assert_eq!(number_text(json), text, "{json}");
        }
    }

    #[test]
    fn white_space_is_javascripts() {
        assert_eq!(trim("\u{feff}\u{a0} x\u{2028}\t"), "x");
        assert!(!is_space('\u{85}') && !is_space('\u{200b}'));
    }
}
