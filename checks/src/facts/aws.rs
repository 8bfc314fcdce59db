//! What AWS answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Observed;

/// Whom AWS takes the credentials for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// The principal.
    pub arn: String,
}

/// The inference profiles the account lists in the Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceProfiles {
    /// In AWS's order.
    pub profiles: Vec<InferenceProfile>,
}

impl InferenceProfiles {
    /// Whether an id is listed.
    pub fn lists(&self, id: &str) -> bool {
        self.profiles.iter().any(|profile| profile.id == id)
    }
}

/// One inference profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceProfile {
    /// `us.anthropic.…`.
    pub id: String,
    /// The foundation models it may send a request to.
    pub model_arns: Vec<String>,
}

/// The models that Mantle lists in the Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MantleModels {
    /// Their ids, of every vendor, in AWS's order.
    pub ids: Vec<String>,
}

/// What the control plane says of a model that is in use or pinned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// The id or ARN in the configuration.
    pub model: String,
    /// Its part: `main model`, `background model`, or one that is not invoked by itself, such as `opus model`.
    pub part: String,
    /// The foundation model behind it, without prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foundation_model: Option<String>,
    /// The foundation models to which an application inference profile may send a request: one ARN for each Region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_arns: Vec<String>,
    /// Agreement, authorization, entitlement, Region.
    #[serde(default)]
    pub availability: Observed<Availability>,
    /// Lifecycle.
    #[serde(default)]
    pub lifecycle: Observed<Lifecycle>,
}

/// `GetFoundationModelAvailability`, each field in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// `AVAILABLE`, `PENDING`, `NOT_AVAILABLE`, `ERROR`.
    pub agreement: String,
    /// AWS's words when the agreement failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement_error: Option<String>,
    /// `AUTHORIZED`, `NOT_AUTHORIZED`.
    pub authorization: String,
    /// `AVAILABLE`, `NOT_AVAILABLE`.
    pub entitlement: String,
    /// `AVAILABLE`, `NOT_AVAILABLE`.
    pub region: String,
}

/// Where a model is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `ACTIVE`, `LEGACY`, in AWS's words.
    pub status: String,
    /// When it turns or turned legacy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_at: Option<Timestamp>,
    /// When the last part of its legacy time begins or began, in which its price may be higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_access_at: Option<Timestamp>,
    /// When it ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life_at: Option<Timestamp>,
}

/// Whether the use-case form of Anthropic models was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UseCaseForm {
    /// AWS returned the form.
    Submitted,
    /// AWS has none.
    Missing,
}

/// The two operations Claude Code uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvokeOperation {
    /// The start-up model check.
    InvokeModel,
    /// Every answer.
    InvokeModelWithResponseStream,
}

impl InvokeOperation {
    /// The IAM action.
    pub fn action(self) -> &'static str {
        match self {
            Self::InvokeModel => "bedrock:InvokeModel",
            Self::InvokeModelWithResponseStream => "bedrock:InvokeModelWithResponseStream",
        }
    }
}

/// One trial of an invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The id or ARN in the configuration.
    pub model: String,
    /// Its part: `main model`, `background model`.
    pub part: String,
    /// The operation.
    pub operation: InvokeOperation,
    /// Whether a real request was made (`--invoke`), or one whose body must be refused.
    pub real: bool,
    /// What came back.
    pub outcome: Observed<InvokeAnswer>,
}

/// A 200 to an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeAnswer {
    /// The answer's content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether the event stream was complete; for `InvokeModel` whether the body was a message.
    pub complete: bool,
}

/// How far this machine's clock is from AWS's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds this machine is ahead of AWS; negative: behind.
    pub ahead_seconds: i64,
    /// Whose `Date` it is.
    pub host: String,
}
