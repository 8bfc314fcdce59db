//! What a policy says of an action on a resource. What depends on something unknown cannot be told, and is never allowed.
//!
//! After "Policy evaluation logic" and "IAM JSON policy elements" of the IAM user guide.

use serde::Serialize;

use super::matching::{glob, overlap};
use super::{Condition, Effect, Policy, Principals, Selection, Statement};

/// What is known of a request beside its action and resource.
#[derive(Debug, Clone, Default)]
pub struct Context {
    keys: Vec<(&'static str, Option<String>)>,
}

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed {
        /// The statement, in words.
        by: String,
    },
    /// A statement denies it.
    Denied {
        /// The statement, in words.
        by: String,
    },
    /// No statement allows it.
    NotAllowed,
    /// It depends on what is not known.
    CannotTell {
        /// On what, as a sentence without its full stop.
        because: String,
    },
}

impl Verdict {
    /// How bad it is: of several verdicts on one request the highest counts.
    pub fn weight(&self) -> u8 {
        match self {
            Self::Allowed { .. } => 0,
            Self::CannotTell { .. } => 1,
            Self::NotAllowed => 2,
            Self::Denied { .. } => 3,
        }
    }
}

impl Context {
    /// Adds a key whose value is known.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.keys.push((key, Some(value.into())));
        self
    }

    /// Adds a key that such a request does not have.
    #[must_use]
    pub fn without(mut self, key: &'static str) -> Self {
        self.keys.push((key, None));
        self
    }

    /// Names of keys ignore case.
    fn get(&self, key: &str) -> Key<'_> {
        let mut known = self.keys.iter();
        match known.find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            Some((_, Some(value))) => Key::Value(value),
            Some((_, None)) => Key::Absent,
            None => Key::Unknown,
        }
    }
}

/// What is known of a key.
enum Key<'a> {
    Value(&'a str),
    /// The request does not have it.
    Absent,
    Unknown,
}

/// Yes, no, or what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Unknown(String),
}

impl Truth {
    fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }

    /// No, if any says no; unknown, if any is.
    fn all(several: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for one in several {
            match one {
                Self::Yes => {}
                Self::No => return Self::No,
                unknown @ Self::Unknown(_) => all = unknown,
            }
        }
        all
    }

    /// Yes, if any says yes; unknown, if any is.
    fn any(several: impl IntoIterator<Item = Self>) -> Self {
        Self::all(several.into_iter().map(Self::not)).not()
    }
}

impl Policy {
    /// What the policy says of an action on a resource: an ARN, in which `*` stands for what is not known, or `*` for an
    /// action that takes no resource.
    pub fn verdict(&self, action: &str, resource: &str, context: &Context) -> Verdict {
        let applying = |effect: Effect| {
            let statements = self.statements.iter().enumerate();
            let of_effect = statements.filter(move |(_, statement)| statement.effect == effect);
            of_effect.map(|(at, statement)| {
                let applies = self.applies(statement, action, resource, context);
                (statement.words(at + 1), applies)
            })
        };
        let mut open = None;
        for (by, applies) in applying(Effect::Deny) {
            match applies {
                Truth::Yes => return Verdict::Denied { by },
                Truth::Unknown(why) => {
                    let why = why.strip_prefix("only ").unwrap_or(&why);
                    open = Some(format!("{by} denies it {why}"));
                }
                Truth::No => {}
            }
        }
        let mut allowed = None;
        let mut allowed_perhaps = None;
        for (by, applies) in applying(Effect::Allow) {
            match applies {
                Truth::Yes => allowed = allowed.or(Some(by)),
                Truth::Unknown(why) => allowed_perhaps = Some(format!("{by} allows it {why}")),
                Truth::No => {}
            }
        }
        match (allowed, allowed_perhaps, open) {
            (Some(by), _, None) => Verdict::Allowed { by },
            (Some(_), _, Some(because)) | (None, Some(because), _) => {
                Verdict::CannotTell { because }
            }
            (None, None, _) => Verdict::NotAllowed,
        }
    }

    fn applies(
        &self,
        statement: &Statement,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Truth {
        let concerns = match statement.principals {
            Principals::Unnamed | Principals::Everybody => Truth::Yes,
            Principals::Certain => Truth::Unknown("to certain principals only".to_owned()),
        };
        let conditions = statement
            .conditions
            .iter()
            .map(|condition| condition.holds(context, self.has_variables));
        Truth::all(
            [
                statement.actions.covers_action(action),
                statement
                    .resources
                    .covers_resource(resource, context, self.has_variables),
                concerns,
            ]
            .into_iter()
            .chain(conditions),
        )
    }
}

impl Statement {
    /// ``statement 2 (`AllowModels`)``.
    fn words(&self, number: usize) -> String {
        match &self.sid {
            Some(sid) => format!("statement {number} (`{sid}`)"),
            None => format!("statement {number}"),
        }
    }
}

impl Selection {
    /// Names of actions ignore case.
    fn covers_action(&self, action: &str) -> Truth {
        let action = action.to_ascii_lowercase();
        let mut patterns = self.patterns.iter();
        let found = patterns.any(|pattern| glob(&pattern.to_ascii_lowercase(), &action));
        Truth::of(found != self.negated)
    }

    fn covers_resource(&self, resource: &str, context: &Context, has_variables: bool) -> Truth {
        let one = |pattern: &String| {
            let pattern = match with_variables(pattern, context, has_variables) {
                Ok(pattern) => pattern,
                Err(variable) => {
                    // Whatever the variable stands for, the rest must fit.
                    let widest = before_variables(pattern);
                    return if overlap(&format!("{widest}*"), resource) {
                        Truth::Unknown(format!("where `{variable}` fits"))
                    } else {
                        Truth::No
                    };
                }
            };
            // IAM's own rule; what it does with such a pattern is not documented.
            let service = pattern.split(':').nth(2).unwrap_or_default();
            let is_odd = pattern.starts_with("arn:") && service.contains(['*', '?']);
            if is_odd && overlap(&pattern, resource) {
                return Truth::Unknown(format!(
                    "if `{pattern}` is accepted, which has a wildcard in place of the service"
                ));
            }
            if glob(&pattern, resource) {
                Truth::Yes
            } else if resource != "*" && overlap(&pattern, resource) {
                Truth::Unknown(format!("on `{pattern}`"))
            } else {
                Truth::No
            }
        };
        let found = Truth::any(self.patterns.iter().map(one));
        let (found, how) = if self.negated {
            (found.not(), "except")
        } else {
            (found, "only")
        };
        match found {
            Truth::Unknown(where_) => Truth::Unknown(format!("{how} {where_}")),
            certain => certain,
        }
    }
}

impl Condition {
    fn holds(&self, context: &Context, has_variables: bool) -> Truth {
        let unknown = || Truth::Unknown(format!("only if {}", self.words()));
        let name = self.operator.to_ascii_lowercase();
        let (quantifier, name) = match name.split_once(':') {
            Some((quantifier, name)) => (quantifier, name),
            None => ("", name.as_str()),
        };
        let (name, if_exists) = match name.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let value = match context.get(&self.key) {
            Key::Value(value) => Some(value),
            Key::Absent => None,
            Key::Unknown => return unknown(),
        };
        if name == "null" {
            let wants_absence = self.values.iter().any(|value| value == "true");
            return Truth::of(wants_absence == value.is_none());
        }
        let Some((operator, negated)) = Operator::of(name) else {
            return unknown();
        };
        let Some(value) = value else {
            return match quantifier {
                "forallvalues" => Truth::Yes,
                "foranyvalue" => Truth::No,
                _ => Truth::of(negated || if_exists),
            };
        };
        // The keys that are known here have one value each, so both quantifiers say the same.
        if !["", "forallvalues", "foranyvalue"].contains(&quantifier) {
            return unknown();
        }
        let one = |wanted: &String| match with_variables(wanted, context, has_variables) {
            Ok(wanted) => Truth::of(operator.holds(&wanted, value)),
            Err(_) => unknown(),
        };
        let found = Truth::any(self.values.iter().map(one));
        if negated { found.not() } else { found }
    }

    /// ``` `aws:SourceIp` is in `10.0.0.0/8` ```; operators that are rare keep their name.
    fn words(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|it| format!("`{it}`")).collect();
        let values = values.join(" or ");
        let name = self.operator.to_ascii_lowercase();
        let (name, absent) = match name.strip_suffix("ifexists") {
            Some(name) => (name, ", or is absent"),
            None => (name.as_str(), ""),
        };
        let verb = match name {
            "ipaddress" => "is in",
            "notipaddress" => "is not in",
            "stringequals" | "arnequals" | "bool" => "is",
            "stringnotequals" | "arnnotequals" => "is not",
            "stringlike" | "arnlike" => "is like",
            "stringnotlike" | "arnnotlike" => "is not like",
            "null" if self.values == ["true"] => return format!("`{}` is absent", self.key),
            "null" if self.values == ["false"] => return format!("`{}` is there", self.key),
            _ => return format!("`{}` {} {values}", self.key, self.operator),
        };
        format!("`{}` {verb} {values}{absent}", self.key)
    }
}

/// The operators for the keys that are known here; numbers, dates and addresses have none.
#[derive(Debug, Clone, Copy)]
enum Operator {
    Equals,
    EqualsIgnoringCase,
    Like,
    Arn,
}

impl Operator {
    /// The operator, and whether it is the negated form.
    fn of(name: &str) -> Option<(Self, bool)> {
        Some(match name {
            "stringequals" => (Self::Equals, false),
            "stringnotequals" => (Self::Equals, true),
            "stringequalsignorecase" | "bool" => (Self::EqualsIgnoringCase, false),
            "stringnotequalsignorecase" => (Self::EqualsIgnoringCase, true),
            "stringlike" => (Self::Like, false),
            "stringnotlike" => (Self::Like, true),
            "arnequals" | "arnlike" => (Self::Arn, false),
            "arnnotequals" | "arnnotlike" => (Self::Arn, true),
            _ => return None,
        })
    }

    fn holds(self, wanted: &str, value: &str) -> bool {
        match self {
            Self::Equals => wanted == value,
            Self::EqualsIgnoringCase => wanted.to_lowercase() == value.to_lowercase(),
            Self::Like => glob(wanted, value),
            // Field by field: a wildcard does not reach over a colon.
            Self::Arn => {
                let (wanted, value) = (wanted.splitn(6, ':'), value.splitn(6, ':'));
                let (wanted, value): (Vec<_>, Vec<_>) = (wanted.collect(), value.collect());
                wanted.len() == value.len()
                    && wanted
                        .iter()
                        .zip(&value)
                        .all(|(wanted, value)| glob(wanted, value))
            }
        }
    }
}

/// A pattern with the values of its variables; or the first variable that is not known.
fn with_variables(pattern: &str, context: &Context, has_variables: bool) -> Result<String, String> {
    if !has_variables {
        return Ok(pattern.to_owned());
    }
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            // Not closed, so it is none.
            filled.push_str("${");
            rest = after;
            continue;
        };
        let key = name.split(',').next().unwrap_or(name).trim();
        match context.get(key) {
            Key::Value(value) if !value.contains(['*', '?']) => filled.push_str(value),
            _ => return Err(format!("${{{name}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// What stands before the first variable.
fn before_variables(pattern: &str) -> &str {
    pattern.split("${").next().unwrap_or(pattern)
}

#[cfg(test)]
mod tests;
