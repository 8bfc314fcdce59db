//! What an AWS error means: the error text and the cause it stands for.
//!
//! The knowledge is in `data/error-signatures.toml`, tried from top to bottom. Nothing is guessed:
//! an error that no entry describes has no signature, and a text that AWS uses for several things
//! has a cause that says no more than the text, with the finer causes as `candidates`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::finding::Owner;

/// An error as AWS worded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsErrorText<'a> {
    /// `sts`, `bedrock`, `bedrock-runtime`, `sso`, `sso-oidc`; empty when unknown.
    pub service: &'a str,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error code, with or without namespace: `com.amazon.coral#ValidationException`.
    pub code: Option<&'a str>,
    /// The message, as text or still in JSON.
    pub message: &'a str,
}

/// What an error says about the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The credentials were not accepted: expired, unknown, badly signed, wrong clock, wrong key.
    Authentication,
    /// A policy denies.
    Authorization,
    /// The account may not use the model: access, Marketplace, form, country, payment, retention.
    ModelAccess,
    /// The model id is wrong, gone, or not usable this way.
    ModelId,
    /// The request body was refused: authentication and authorization had passed.
    BodyRefused,
    /// The form of the request was refused, in words alone: a beta, a member, a guardrail, a service tier.
    RequestForm,
    /// A quota.
    Throttled,
    /// AWS or the model failed.
    Service,
    /// What answers there does not know the operation.
    Endpoint,
}

/// One entry of `data/error-signatures.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The cause, as a slug.
    pub cause: String,
    /// What it says about the request.
    pub kind: Kind,
    /// Who can fix it.
    pub owner: Owner,
    /// Finer causes with the same text; the text alone does not tell them apart.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// A message that this entry describes.
    pub example: String,
    /// The services it is limited to.
    #[serde(default)]
    services: Vec<String>,
    /// The error codes it is limited to.
    #[serde(default)]
    codes: Vec<String>,
    /// The HTTP statuses it is limited to.
    #[serde(default)]
    status: Vec<u16>,
    /// Parts of the message that must all be there.
    #[serde(default)]
    all: Vec<String>,
    /// Parts of the message of which one must be there.
    #[serde(default)]
    any: Vec<String>,
}

/// The first signature that describes the error.
pub fn classify(error: &AwsErrorText<'_>) -> Option<&'static Signature> {
    let code = error.code.map(bare_code);
    let message = normal(error.message);
    all().iter().find(|it| it.matches(error, code, &message))
}

/// Every signature, in the order of trial.
pub fn all() -> &'static [Signature] {
    static ALL: LazyLock<Vec<Signature>> = LazyLock::new(|| {
        // A test keeps the file readable; a broken one knows no error.
        read(include_str!("../data/error-signatures.toml")).unwrap_or_default()
    });
    &ALL
}

impl Signature {
    /// Whether every limit of the entry holds; an unknown code or status meets no limit.
    fn matches(&self, error: &AwsErrorText<'_>, code: Option<&str>, message: &str) -> bool {
        let code = || code.is_some_and(|code| has(&self.codes, code));
        let status = || error.status.is_some_and(|it| self.status.contains(&it));
        (self.services.is_empty() || has(&self.services, error.service))
            && (self.codes.is_empty() || code())
            && (self.status.is_empty() || status())
            && self.all.iter().all(|part| message.contains(part))
            && (self.any.is_empty() || self.any.iter().any(|part| message.contains(part)))
    }
}

fn read(text: &str) -> Result<Vec<Signature>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        signature: Vec<Signature>,
    }
    toml::from_str::<File>(text).map(|file| file.signature)
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|it| it.eq_ignore_ascii_case(wanted))
}

/// The code without the namespace in front and the address behind, as in
/// `ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/`.
fn bare_code(code: &str) -> &str {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code).trim()
}

/// Lower case, single blanks, straight apostrophes: AWS writes "isn’t" and "isn't".
fn normal(message: &str) -> String {
    let message = message.replace(['\u{2019}', '\u{2018}'], "'");
    let words = message.split_whitespace().collect::<Vec<_>>();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests;
