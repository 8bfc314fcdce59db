//! JSON as `JSON.parse` takes it, without losing where things stand.
//!
//! Values stay slices of the text. That gives the offset of every key, and it keeps to what
//! `JSON.parse` accepts where a typed read would not: nesting of any depth, numbers of any size,
//! and halves of a surrogate pair (`"\ud800"`).

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::js;

/// Why a text is not one JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonProblem {
    /// There is nothing in it.
    Empty,
    /// It is not JSON.
    Malformed {
        /// Where it stops being JSON.
        line: u32,
    },
    /// It is JSON, and something else than an object.
    NotAnObject,
}

/// One `"key": value` of an object.
pub(super) struct Member<'a> {
    /// The key, unescaped.
    pub(super) key: String,
    /// The key as a slice of the text, quotes included.
    pub(super) raw_key: &'a str,
    /// The value.
    pub(super) value: &'a RawValue,
}

/// Reads a whole text as one object. A byte order mark is not JSON.
pub(super) fn object(text: &str) -> Result<Vec<Member<'_>>, JsonProblem> {
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Err(JsonProblem::Empty);
    }
    let value: &RawValue = serde_json::from_str(text).map_err(|error| JsonProblem::Malformed {
        line: u32::try_from(error.line()).unwrap_or(u32::MAX),
    })?;
    members(value).ok_or(JsonProblem::NotAnObject)
}

/// Returns the members of an object in the order of the text, or nothing for another value.
///
/// Of a key that stands there twice only the last is kept, in the place of the first: so does
/// `JSON.parse`.
pub(super) fn members(value: &RawValue) -> Option<Vec<Member<'_>>> {
    let mut reader = serde_json::Deserializer::from_str(value.get());
    let all = reader.deserialize_map(Members).ok()?;
    let mut places = HashMap::new();
    let mut kept: Vec<Member<'_>> = Vec::with_capacity(all.len());
    for member in all {
        if let Some(&place) = places.get(&member.key) {
            kept[place] = member;
        } else {
            places.insert(member.key.clone(), kept.len());
            kept.push(member);
        }
    }
    Some(kept)
}

/// Returns the value of a key.
pub(super) fn get<'a>(members: &[Member<'a>], key: &str) -> Option<&'a RawValue> {
    members
        .iter()
        .find(|member| member.key == key)
        .map(|member| member.value)
}

/// Returns the elements of a list, or nothing for another value.
pub(super) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// Returns the text of a JSON string, or nothing for another value.
pub(super) fn string(value: &RawValue) -> Option<String> {
    value.get().starts_with('"').then(|| unquote(value.get()))
}

/// Returns whether JavaScript takes the value for true in a condition.
pub(super) fn truthy(value: &RawValue) -> bool {
    let json = value.get();
    match kind(value) {
        Kind::Null => false,
        Kind::Truth => json == "true",
        Kind::Number => json.parse::<f64>().is_ok_and(|number| number != 0.0),
        Kind::Text => json != "\"\"",
        Kind::Object | Kind::List => true,
    }
}

/// What sort of value stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Truth,
    Null,
    Object,
    List,
}

impl Kind {
    /// Names the kind, for a message.
    pub(super) fn phrase(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Null => "null",
            Self::Object => "an object",
            Self::List => "a list",
        }
    }
}

/// Returns the kind of a value.
pub(super) fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'"') => Kind::Text,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b't' | b'f') => Kind::Truth,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// Returns what `String(value)` gives.
///
/// Lists nested deeper than anybody means them end in an empty text, so that a nesting bomb is
/// not unfolded.
pub(super) fn text(value: &RawValue) -> String {
    const DEEPEST: u8 = 32;
    text_within(value, DEEPEST)
}

fn text_within(value: &RawValue, levels: u8) -> String {
    match kind(value) {
        Kind::Text => unquote(value.get()),
        Kind::Object => "[object Object]".to_owned(),
        Kind::Number => js::number_text(value.get()),
        Kind::Truth | Kind::Null => value.get().to_owned(),
        Kind::List => {
            let Some(levels) = levels.checked_sub(1) else {
                return String::new();
            };
            let parts: Vec<String> = elements(value)
                .unwrap_or_default()
                .into_iter()
                .map(|element| match kind(element) {
                    Kind::Null => String::new(),
                    _ => text_within(element, levels),
                })
                .collect();
            parts.join(",")
        }
    }
}

/// Unescapes a JSON string, quotes included; half a surrogate pair becomes U+FFFD.
pub(super) fn unquote(quoted: &str) -> String {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(quoted);
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        let unescaped = if c == '\\' {
            match rest.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let hex: String = rest.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&hex, 16).unwrap_or(0xfffd));
                    continue;
                }
                Some(itself) => itself,
                None => continue,
            }
        } else {
            c
        };
        units.extend_from_slice(unescaped.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

/// Collects the members of an object as slices.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            members.push(Member {
                key: unquote(key.get()),
                raw_key: key.get(),
                value,
            });
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
