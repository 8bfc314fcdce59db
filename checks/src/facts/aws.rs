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

/// The operations with which Claude Code asks for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvokeOperation {
    /// The start-up model check.
    InvokeModel,
    /// Every answer of Bedrock's own API.
    InvokeModelWithResponseStream,
    /// Every answer of Bedrock's Mantle endpoint.
    MantleCreateInference,
    /// Every answer of Claude Platform on AWS.
    AnthropicAwsCreateInference,
}

impl InvokeOperation {
    /// The IAM action.
    pub fn action(self) -> &'static str {
        match self {
            Self::InvokeModel => "bedrock:InvokeModel",
            Self::InvokeModelWithResponseStream => "bedrock:InvokeModelWithResponseStream",
            Self::MantleCreateInference => "bedrock-mantle:CreateInference",
            Self::AnthropicAwsCreateInference => "aws-external-anthropic:CreateInference",
        }
    }

    /// The service that a request is signed for.
    pub fn signing_service(self) -> &'static str {
        match self {
            Self::InvokeModel | Self::InvokeModelWithResponseStream => "bedrock",
            Self::MantleCreateInference => "bedrock-mantle",
            Self::AnthropicAwsCreateInference => "aws-external-anthropic",
        }
    }

    /// The service, as its host is called.
    pub fn service(self) -> &'static str {
        match self {
            Self::InvokeModel | Self::InvokeModelWithResponseStream => "bedrock-runtime",
            other => other.signing_service(),
        }
    }

    /// Whether the request is one of Anthropic's Messages API.
    pub fn is_messages_api(self) -> bool {
        matches!(
            self,
            Self::MantleCreateInference | Self::AnthropicAwsCreateInference
        )
    }

    /// The content type of the answer that streams; none for the operation that does not.
    pub fn stream_type(self) -> Option<&'static str> {
        match self {
            Self::InvokeModel => None,
            Self::InvokeModelWithResponseStream => Some("application/vnd.amazon.eventstream"),
            Self::MantleCreateInference | Self::AnthropicAwsCreateInference => {
                Some("text/event-stream")
            }
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
    /// The Region, when it is not that of the main model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether a real request was made (`--invoke`), or one whose body must be refused.
    pub real: bool,
    /// The betas of a real request; none where nobody knows which ones Claude Code sends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub betas: Vec<String>,
    /// What came back.
    pub outcome: Observed<InvokeAnswer>,
}

/// A 200 to an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeAnswer {
    /// The answer's content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether the answer could be read to its end.
    pub complete: bool,
    /// Whether a guardrail put its own text in the place of the model's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guardrail_intervened: bool,
    /// What was billed, as the answer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// The tokens of a request and its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read.
    pub input_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}

/// How far this machine's clock is from AWS's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds this machine is ahead of AWS; negative: behind.
    pub ahead_seconds: i64,
    /// Whose `Date` it is.
    pub host: String,
}
