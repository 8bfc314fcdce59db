//! An IAM policy document: made for what is needed, read from a file, and asked what it allows.
//!
//! Ours, because no crate could be used (looked at in November 2026: `iam-rs` 0.8.0, `aws-iam` 0.2.2).
//! The question here is about a request that was never made, so most of its context is not known: the address it comes
//! from, the VPC endpoint, MFA. `iam-rs` takes an unknown key for an absent one, and then says that a `Deny` with a
//! condition does not apply; it cannot be asked about actions without a resource, refuses ARNs with fewer than six
//! fields, and refuses a whole document for an operator that it does not know. `aws-iam` does not look at `Effect`.
//! `docs/policy.md` has the whole comparison.

mod coverage;
mod evaluation;
mod matching;
mod parse;

pub use self::coverage::{Coverage, coverage};
pub use self::evaluation::{Context, Verdict};
pub use self::parse::{Fault, parse};

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::access::{Access, Needed, Permission};

/// The most characters that IAM takes in a managed policy; white space does not count.
pub const MANAGED_POLICY_LIMIT: usize = 6_144;

/// The condition key by which a call that a service makes in somebody's name is told.
pub(crate) const CALLED_VIA_LAST: &str = "aws:CalledViaLast";

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether `${…}` is a variable: since version 2012-10-17 of the policy language.
    pub has_variables: bool,
    /// In the order of the document.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`, which policies of resources have.
    pub principals: Principals,
    /// `Action` or `NotAction`.
    pub actions: Selection,
    /// `Resource` or `NotResource`.
    pub resources: Selection,
    /// `Condition`: all of them must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever another one allows.
    Deny,
}

/// Whom a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principals {
    /// Whoever the policy is attached to.
    Unnamed,
    /// Everybody: `"*"` or `{"AWS": "*"}`.
    Everybody,
    /// Certain principals, or all but certain ones.
    Certain,
}

/// The patterns of actions or resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// With `*` and `?`.
    pub patterns: Vec<String>,
    /// `NotAction`, `NotResource`: everything else.
    pub negated: bool,
}

/// One key of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `StringEquals`, `ForAnyValue:ArnLike`, `BoolIfExists`, ….
    pub operator: String,
    /// `aws:RequestedRegion`.
    pub key: String,
    /// One of them must hold.
    pub values: Vec<String>,
}

impl Policy {
    /// The policy that allows this much and no more: what Claude Code needs, and if wanted what the checkup asks.
    pub fn of(access: &Access, for_checkup: bool) -> Self {
        let mut grouped: Vec<(Purpose, Statement)> = Vec::new();
        for permission in &access.permissions {
            let purpose = Purpose::of(permission);
            if purpose == Purpose::Checkup && !for_checkup {
                continue;
            }
            let statement = Statement::allowing(permission, purpose);
            let fits = |(known, other): &&mut (Purpose, Statement)| {
                *known == purpose
                    && other.resources == statement.resources
                    && other.conditions == statement.conditions
            };
            match grouped.iter_mut().find(fits) {
                Some((_, other)) => other.actions.patterns.extend(statement.actions.patterns),
                None => grouped.push((purpose, statement)),
            }
        }
        Self {
            has_variables: true,
            statements: grouped
                .into_iter()
                .map(|(_, statement)| statement)
                .collect(),
        }
    }

    /// The document as JSON, indented.
    pub fn to_json(&self) -> String {
        // Text and lists of text can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Its length as IAM counts it: without white space.
    pub fn length(&self) -> usize {
        let json = self.to_json();
        json.chars().filter(|c| !c.is_whitespace()).count()
    }
}

/// What a statement is for, which its `Sid` says: whoever reads the policy can take it out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Claude Code needs it.
    ClaudeCode,
    /// Claude Code needs it only because it uses an API key.
    ApiKey,
    /// The checkup alone asks it.
    Checkup,
}

impl Purpose {
    fn of(permission: &Permission) -> Self {
        if permission.needed == Needed::Checkup {
            Self::Checkup
        } else if permission.action.ends_with(":CallWithBearerToken") {
            Self::ApiKey
        } else {
            Self::ClaudeCode
        }
    }
}

impl Statement {
    fn allowing(permission: &Permission, purpose: Purpose) -> Self {
        let (_, name) = permission
            .action
            .split_once(':')
            .unwrap_or(("", permission.action));
        let sid = match purpose {
            Purpose::ClaudeCode => format!("ClaudeCode{name}"),
            Purpose::ApiKey => "ClaudeCodeApiKey".to_owned(),
            Purpose::Checkup => format!("BedrockDoctor{name}"),
        };
        let via = permission.via.map(|service| Condition {
            operator: "StringEquals".to_owned(),
            key: CALLED_VIA_LAST.to_owned(),
            values: vec![service.to_owned()],
        });
        Self {
            sid: Some(sid),
            effect: Effect::Allow,
            principals: Principals::Unnamed,
            actions: Selection::of(vec![permission.action.to_owned()]),
            resources: Selection::of(permission.resources.clone()),
            conditions: via.into_iter().collect(),
        }
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let version = if self.has_variables {
            "2012-10-17"
        } else {
            "2008-10-17"
        };
        let mut document = writer.serialize_map(None)?;
        document.serialize_entry("Version", version)?;
        document.serialize_entry("Statement", &self.statements)?;
        document.end()
    }
}

/// Without its principals: an identity policy has none.
impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let mut members = writer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            members.serialize_entry("Sid", sid)?;
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        members.serialize_entry("Effect", effect)?;
        for (name, selection) in [("Action", &self.actions), ("Resource", &self.resources)] {
            let not = if selection.negated { "Not" } else { "" };
            members.serialize_entry(&format!("{not}{name}"), &OneOrMany(&selection.patterns))?;
        }
        let mut operators: BTreeMap<&str, BTreeMap<&str, OneOrMany<'_>>> = BTreeMap::new();
        for condition in &self.conditions {
            let keys = operators.entry(&condition.operator).or_default();
            keys.insert(&condition.key, OneOrMany(&condition.values));
        }
        if !operators.is_empty() {
            members.serialize_entry("Condition", &operators)?;
        }
        members.end()
    }
}

/// A list, which is written without brackets when it has one element.
struct OneOrMany<'a>(&'a [String]);

impl Serialize for OneOrMany<'_> {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => writer.serialize_str(one),
            several => several.serialize(writer),
        }
    }
}

impl Selection {
    fn of(patterns: Vec<String>) -> Self {
        Self {
            patterns,
            negated: false,
        }
    }
}

#[cfg(test)]
mod tests;
