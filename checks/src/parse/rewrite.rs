//! A token file with other values, written byte for byte as the AWS SDK for JavaScript does.
//!
//! That is `JSON.stringify({ ...JSON.parse(text), ...changes }, null, 2)`: unknown members stay, a member keeps its
//! place, and new ones come last.

use serde_json::value::RawValue;

use super::js;
use super::json::{self, JsonProblem, Kind};

/// The new value of a member.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// A text.
    Text(&'a str),
    /// `undefined`: the member goes.
    Gone,
    /// The object that stands there, with changes of its own.
    Within(&'a [(&'a str, Self)]),
}

/// Returns the text of a file whose object has these members changed.
pub fn rewrite(text: &str, changes: &[(&str, Change<'_>)]) -> Result<String, JsonProblem> {
    let mut out = String::with_capacity(text.len() * 2);
    write_members(&mut out, json::object(text)?, changes, 0);
    Ok(out)
}

/// Nesting that nobody means is copied as it stands, so that it cannot use up the stack.
const DEEPEST: usize = 32;

fn write_members(
    out: &mut String,
    mut members: Vec<json::Member<'_>>,
    changes: &[(&str, Change<'_>)],
    level: usize,
) {
    // JavaScript puts members that look like an index first, in their order as numbers.
    members.sort_by_key(|member| index(&member.key).unwrap_or(u32::MAX));
    let change_of = |key: &str| changes.iter().find(|(name, _)| *name == key);
    let mut list = Elements::new(out, ('{', '}'), level);
    for member in &members {
        match change_of(&member.key) {
            None => {
                let place = list.member(&member.key);
                write_value(place, member.value, level + 1);
            }
            Some((_, change)) => list.changed(&member.key, *change, Some(member.value)),
        }
    }
    for (key, change) in changes {
        if !members.iter().any(|member| member.key == *key) {
            list.changed(key, *change, None);
        }
    }
    list.end();
}

fn write_value(out: &mut String, value: &RawValue, level: usize) {
    match json::kind(value) {
        _ if level > DEEPEST => out.push_str(value.get()),
        Kind::Text => out.push_str(&quoted(&json::unquote(value.get()))),
        Kind::Number => {
            let text = js::number_text(value.get());
            let is_infinite = ["Infinity", "-Infinity"].contains(&text.as_str());
            out.push_str(if is_infinite { "null" } else { &text });
        }
        Kind::Truth | Kind::Null => out.push_str(value.get()),
        Kind::Object => {
            write_members(out, json::members(value).unwrap_or_default(), &[], level);
        }
        Kind::List => {
            let mut list = Elements::new(out, ('[', ']'), level);
            for element in json::elements(value).unwrap_or_default() {
                write_value(list.next(), element, level + 1);
            }
            list.end();
        }
    }
}

/// What stands between two brackets, one element a line.
struct Elements<'o> {
    out: &'o mut String,
    close: char,
    level: usize,
    empty: bool,
}

impl<'o> Elements<'o> {
    fn new(out: &'o mut String, (open, close): (char, char), level: usize) -> Self {
        out.push(open);
        Self {
            out,
            close,
            level,
            empty: true,
        }
    }

    /// The place of the next element.
    fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        self.line(self.level + 1);
        self.out
    }

    /// The place of the value of the next member.
    fn member(&mut self, key: &str) -> &mut String {
        let out = self.next();
        out.push_str(&quoted(key));
        out.push_str(": ");
        out
    }

    fn changed(&mut self, key: &str, change: Change<'_>, old: Option<&RawValue>) {
        let level = self.level + 1;
        match change {
            Change::Gone => {}
            Change::Text(text) => self.member(key).push_str(&quoted(text)),
            Change::Within(changes) => {
                let members = old.and_then(json::members).unwrap_or_default();
                write_members(self.member(key), members, changes, level);
            }
        }
    }

    fn end(mut self) {
        if !self.empty {
            self.line(self.level);
        }
        self.out.push(self.close);
    }

    fn line(&mut self, level: usize) {
        self.out.push('\n');
        self.out.push_str(&"  ".repeat(level));
    }
}

/// A JSON string; `JSON.stringify` and `serde_json` escape the same characters in the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The number of a key that is an array index in canonical form.
fn index(key: &str) -> Option<u32> {
    let number: u32 = key.parse().ok()?;
    (number != u32::MAX && number.to_string() == key).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the SDK made of the file, from `tests/data/renewal/make.js`.
    #[test]
    fn the_sdk_for_javascript_writes_the_same() {
        let sso = rewrite(
            include_str!("../../../tests/data/renewal/sso-before.json"),
            &[
                ("accessToken", Change::Text("newaccess")),
                ("expiresAt", Change::Text("2026-11-23T20:00:00.007Z")),
                ("refreshToken", Change::Text("new-refresh-token")),
            ],
        );
        let want = include_str!("../../../tests/data/renewal/sso-after.json");
        assert_eq!(sso.as_deref(), Ok(want));
        let keys = [
            ("accessKeyId", Change::Text("ASIAFROMLOGIN")),
            ("secretAccessKey", Change::Text("secret-from-login")),
            ("sessionToken", Change::Text("session-token-from-login")),
            ("expiresAt", Change::Text("2026-11-23T12:15:00.007Z")),
        ];
        let login = rewrite(
            include_str!("../../../tests/data/renewal/login-before.json"),
            &[
                ("accessToken", Change::Within(&keys)),
                ("refreshToken", Change::Text("new-login-refresh-token")),
            ],
        );
        let want = include_str!("../../../tests/data/renewal/login-after.json");
        assert_eq!(login.as_deref(), Ok(want));
    }

    #[test]
    fn new_members_come_last_and_undefined_ones_go() {
        let changes = [("b", Change::Gone), ("c", Change::Text("3"))];
        let written = rewrite(r#"{"b": 1, "a": [1e999, -1e999]}"#, &changes).unwrap();
        assert_eq!(
            written,
            "{\n  \"a\": [\n    null,\n    null\n  ],\n  \"c\": \"3\"\n}"
        );
        assert_eq!(rewrite("{}", &[]).as_deref(), Ok("{}"));
        assert!(rewrite("[]", &[]).is_err());
    }

    #[test]
    fn a_nesting_bomb_is_copied() {
        let bomb = format!("{{\"x\": {}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(rewrite(&bomb, &[]).is_ok());
    }

    proptest! {
        #[test]
        fn no_member_is_lost(keys in prop::collection::btree_map(any::<String>(), any::<String>(), 0..9)) {
            let text = serde_json::to_string(&keys).unwrap();
            let read: std::collections::BTreeMap<String, String> =
                serde_json::from_str(&rewrite(&text, &[]).unwrap()).unwrap();
            prop_assert_eq!(read, keys);
        }
    }
}
