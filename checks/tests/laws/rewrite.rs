//! The cache file of a renewed token.

use bedrock_doctor_checks::parse::rewrite::{Change, rewrite};
use serde_json::Value;

pub(crate) fn hold(text: &str) {
    let same = rewrite(text, &[]);
    let changes = [
        ("accessToken", Change::Text(text)),
        ("refreshToken", Change::Gone),
        ("key", Change::Within(&[("secret", Change::Text("new"))])),
    ];
    let renewed = rewrite(text, &changes);
    assert_eq!(same.is_ok(), renewed.is_ok());
    let (Ok(same), Ok(renewed)) = (same, renewed) else {
        return;
    };
    assert_eq!(rewrite(&same, &[]).as_deref(), Ok(same.as_str()));
    assert_eq!(rewrite(&renewed, &changes).as_deref(), Ok(renewed.as_str()));

    // Halves of a surrogate pair, numbers beyond a double, and very deep nesting are JSON that serde_json does not take.
    let Ok(mut want) = serde_json::from_str::<Value>(text) else {
        return;
    };
    assert!(alike(&read(&same), &want), "{same}");
    let Some(members) = want.as_object_mut() else {
        return;
    };
    members.insert("accessToken".to_owned(), text.into());
    members.remove("refreshToken");
    match members.get_mut("key").and_then(Value::as_object_mut) {
        Some(key) => {
            key.insert("secret".to_owned(), "new".into());
        }
        None => {
            members.insert("key".to_owned(), serde_json::json!({ "secret": "new" }));
        }
    }
    assert!(alike(&read(&renewed), &want), "{renewed}");
}

fn read(written: &str) -> Value {
    serde_json::from_str(written).unwrap_or_else(|error| panic!("{error} in {written}"))
}

/// The same value; numbers may differ in what `serde_json` loses of them.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
                return false;
            };
            (a - b).abs() <= a.abs().max(b.abs()) * 4.0 * f64::EPSILON
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| alike(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_any_object(
            keys in prop::collection::vec("(accessToken|refreshToken|key|secret|[0-9]{1,2}|.{0,3})", 0..6),
            value in Just(Value::Null).prop_recursive(3, 12, 4, |inner| prop_oneof![
                any::<f64>().prop_map(Value::from),
                any::<String>().prop_map(Value::from),
                any::<bool>().prop_map(Value::from),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("(secret|x|[0-9])", inner), 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]),
        ) {
            let members: Value = keys.into_iter().map(|key| (key, value.clone())).collect();
            hold(&members.to_string());
            hold(&format!("{members:#}"));
        }
    }
}
