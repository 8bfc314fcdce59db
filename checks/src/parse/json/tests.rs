use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{JsonProblem, members, object, text, truthy, unquote};

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

#[test]
fn the_last_of_a_repeated_key_wins() {
    let members = object(r#"{"a": 1, "b": 2, "\u0061": 3}"#).ok().unwrap();
    let read: Vec<_> = members
        .iter()
        .map(|member| (member.key.as_str(), member.value.get()))
        .collect();
    assert_eq!(read, [("a", "3"), ("b", "2")]);
}

#[test]
fn what_is_not_an_object_is_told_apart() {
    for (json, want) in [
        ("", JsonProblem::Empty),
        (" \r\n\t", JsonProblem::Empty),
        ("[]", JsonProblem::NotAnObject),
        ("null", JsonProblem::NotAnObject),
        ("\u{feff}{}", JsonProblem::Malformed { line: 1 }),
        ("{\n\"a\": 1,\n}", JsonProblem::Malformed { line: 3 }),
        ("{} x", JsonProblem::Malformed { line: 1 }),
        ("{\"a\":01}", JsonProblem::Malformed { line: 1 }),
        ("{\"a\":\"b\tc\"}", JsonProblem::Malformed { line: 1 }),
    ] {
        assert_eq!(object(json).err(), Some(want), "{json:?}");
    }
}

#[test]
fn what_javascript_accepts_is_accepted() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for json in [
        deep.as_str(),
        r#"{"a":1e99999,"b":"\ud800","\udc00":1}"#,
        r#"{"":1,"__proto__":2}"#,
    ] {
        assert!(object(json).is_ok());
    }
}

#[test]
fn values_become_the_text_javascript_makes_of_them() {
    for (json, want) in [
        ("true", "true"),
        ("null", "null"),
        ("1.50", "1.5"),
        (r#""a\n\u00e9\ud83d\ude00\/""#, "a\né😀/"),
        (r#""a\ud800b""#, "a\u{fffd}b"),
        (r#"{"a":1}"#, "[object Object]"),
        (r#"["a",["b",null,true],1]"#, "a,b,,true,1"),
        ("[[],{}]", ",[object Object]"),
    ] {
        assert_eq!(text(&raw(json)), want, "{json}");
    }
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(text(&raw(&deep)), "");
}

#[test]
fn truth_is_javascripts() {
    for json in ["null", "false", "0", "-0", "0.0", "\"\""] {
        assert!(!truthy(&raw(json)), "{json}");
    }
    for json in ["true", "1", "\"0\"", "[]", "{}", "1e999"] {
        assert!(truthy(&raw(json)), "{json}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(json in any::<String>()) {
        let _any = object(&json);
        let _any = unquote(&json);
    }

    #[test]
    fn a_string_survives_the_round_trip(text in any::<String>()) {
        prop_assert_eq!(unquote(&serde_json::to_string(&text).unwrap()), text);
    }

    #[test]
    fn keys_are_slices_of_the_text(keys in prop::collection::vec(any::<String>(), 0..6)) {
        let entries: Vec<String> = keys
            .iter()
            .map(|key| format!("{}: [null]", serde_json::to_string(key).unwrap()))
            .collect();
        let json = format!("{{ {} }}", entries.join(" ,\n"));
        let value: &RawValue = serde_json::from_str(&json).unwrap();
        for member in members(value).unwrap() {
            let offset = member.raw_key.as_ptr().addr() - json.as_ptr().addr();
            prop_assert_eq!(&json[offset..][..member.raw_key.len()], member.raw_key);
            prop_assert!(keys.contains(&member.key));
        }
    }
}
