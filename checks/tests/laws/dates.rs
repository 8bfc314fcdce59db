//! When a cached token expires.

use bedrock_doctor_checks::parse::{Expiry, sso_token};
use jiff::{Timestamp, civil, tz::TimeZone};

pub(crate) fn hold(text: &str) {
    // A value of another kind: whatever JSON the text is.
    let _any = expiry(text);

    let quoted = serde_json::Value::from(text).to_string();
    let Some(Expiry::At(moment)) = expiry(&quoted) else {
        return;
    };
    if let Ok(as_others_read_it) = text.parse::<Timestamp>() {
        let apart = as_others_read_it.duration_since(moment).abs();
        assert!(apart.as_millis() < 1, "{text:?}: {moment}");
    }
    // JavaScript writes years before 0 and after 9999 with six digits.
    if (0..=9999).contains(&civil::DateTime::from(moment.to_zoned(TimeZone::UTC)).year()) {
        let written = format!("\"{moment}\"");
        assert_eq!(expiry(&written), Some(Expiry::At(moment)), "{text:?}");
    }
}

fn expiry(json: &str) -> Option<Expiry> {
    let token = format!(r#"{{"accessToken": "", "expiresAt": {json}}}"#);
    let token = sso_token::parse(&token).ok()?;
    Some(token.expires_at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_what_looks_like_a_date(
            text in "[+-]?[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?(Z|[+-][0-2][0-9]:?[0-5][0-9]| UTC)?)?",
        ) {
            hold(&text);
        }

        #[test]
        fn for_numbers_and_lists(json in "-?[0-9]{1,20}(\\.[0-9]{1,3})?(e[+-]?[0-9]{1,3})?|\\[+[0-9,]{0,5}\\]+") {
            hold(&json);
        }
    }
}
