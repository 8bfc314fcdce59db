//! A policy document, read so that a mistake in it is found: by line and column, and by its name.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Condition, Effect, Policy, Principals, Selection, Statement};

/// Why a text is no policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1; 0 when the text ends before its first character.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

/// Reads a policy document.
pub fn parse(text: &str) -> Result<Policy, Fault> {
    // Editors on Windows put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if start.starts_with('[') {
        let before = &text[..text.len() - start.len()];
        let line = before.rsplit('\n').next().unwrap_or(before);
        return Err(Fault {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            what: "a policy document is an object with `Version` and `Statement`, not a list"
                .to_owned(),
        });
    }
    let document: Document = serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        Fault {
            line: error.line(),
            column: error.column(),
            what: what.strip_suffix(&place).unwrap_or(&what).to_owned(),
        }
    })?;
    Ok(Policy {
        has_variables: document.version.as_deref() == Some("2012-10-17"),
        statements: document.statement.0,
    })
}

#[derive(Deserialize)]
#[serde(
    rename_all = "PascalCase",
    deny_unknown_fields,
    expecting = "a policy document"
)]
struct Document {
    version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: Statements,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "PascalCase",
    deny_unknown_fields,
    expecting = "a statement"
)]
struct Raw {
    sid: Option<String>,
    effect: Verb,
    principal: Option<Whom>,
    not_principal: Option<Whom>,
    action: Option<Texts>,
    not_action: Option<Texts>,
    resource: Option<Texts>,
    not_resource: Option<Texts>,
    #[serde(default)]
    condition: Members<Members<Texts>>,
}

#[derive(Deserialize)]
enum Verb {
    Allow,
    Deny,
}

/// A statement whose parts fit together.
#[derive(Deserialize)]
#[serde(try_from = "Raw")]
struct Whole(Statement);

impl TryFrom<Raw> for Whole {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let principals = match (raw.principal, raw.not_principal) {
            (None, None) => Principals::Unnamed,
            (Some(Whom { everybody: true }), None) => Principals::Everybody,
            _ => Principals::Certain,
        };
        let conditions = raw.condition.0.into_iter().flat_map(|(operator, keys)| {
            keys.0.into_iter().map(move |(key, values)| Condition {
                operator: operator.clone(),
                key,
                values: values.0,
            })
        });
        Ok(Self(Statement {
            sid: raw.sid,
            effect: match raw.effect {
                Verb::Allow => Effect::Allow,
                Verb::Deny => Effect::Deny,
            },
            principals,
            actions: selection("Action", raw.action, raw.not_action)?,
            resources: selection("Resource", raw.resource, raw.not_resource)?,
            conditions: conditions.collect(),
        }))
    }
}

fn selection(name: &str, these: Option<Texts>, others: Option<Texts>) -> Result<Selection, String> {
    let (patterns, negated) = match (these, others) {
        (Some(these), None) => (these.0, false),
        (None, Some(others)) => (others.0, true),
        (None, None) => {
            return Err(format!(
                "this statement has neither `{name}` nor `Not{name}`"
            ));
        }
        (Some(_), Some(_)) => {
            return Err(format!("this statement has both `{name}` and `Not{name}`"));
        }
    };
    if patterns.is_empty() {
        return Err(format!("`{name}` of this statement is an empty list"));
    }
    Ok(Selection { patterns, negated })
}

/// One statement, or a list of them.
struct Statements(Vec<Statement>);

impl<'de> Deserialize<'de> for Statements {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Statements;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a statement or a list of statements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Statements, A::Error> {
                let mut all = Vec::new();
                while let Some(Whole(one)) = list.next_element()? {
                    all.push(one);
                }
                Ok(Statements(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Statements, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                Ok(Statements(vec![Whole::deserialize(map)?.0]))
            }
        }
        reader.deserialize_any(Read)
    }
}

/// One text, or a list of texts. Numbers and truth values of conditions count as what they look like.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Texts, E> {
                Ok(Texts(vec![truth.to_string()]))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Texts, E> {
                Ok(Texts(vec![number.to_string()]))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Texts, E> {
                Ok(Texts(vec![number.to_string()]))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Texts, E> {
                Ok(Texts(vec![number.to_string()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut all = Vec::new();
                while let Some(Texts(mut one)) = list.next_element()? {
                    all.append(&mut one);
                }
                Ok(Texts(all))
            }
        }
        reader.deserialize_any(Read)
    }
}

/// An object. IAM refuses one that names a key twice, and so it must be: one of the two would be lost.
struct Members<V>(Vec<(String, V)>);

impl<V> Default for Members<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<V> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Read<V> {
            type Value = Members<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<V>, A::Error> {
                let mut all: Vec<(String, V)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    if all.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format!("`{key}` stands here twice")));
                    }
                    all.push((key, value));
                }
                Ok(Members(all))
            }
        }
        reader.deserialize_map(Read(PhantomData))
    }
}

/// `"*"`, or principals by their kind.
struct Whom {
    everybody: bool,
}

impl<'de> Deserialize<'de> for Whom {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Whom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`*` or principals by their kind")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Whom, E> {
                Ok(Whom {
                    everybody: text == "*",
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Whom, A::Error> {
                let mut everybody = false;
                while let Some((kind, Texts(names))) = map.next_entry::<String, Texts>()? {
                    everybody |= kind == "AWS" && names.iter().any(|name| name == "*");
                }
                Ok(Whom { everybody })
            }
        }
        reader.deserialize_any(Read)
    }
}
