//! The things that can be observed, by name. How each is asked stands in the program, not here.

use serde::{Deserialize, Serialize};

/// A thing that can be observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeId {
    /// Operating system, clock, home folder, the environment variables that matter.
    Machine,
    /// The Claude Code version, found without starting it.
    ClaudeCode,
    /// Claude Code's settings files of all levels, merged with the environment by its rules.
    Configuration,
    /// `~/.aws/config` and `~/.aws/credentials`.
    AwsFiles,
    /// What the AWS CLI would use instead.
    AwsCli,
    /// The token cache of IAM Identity Center.
    SsoCache,
    /// The credentials Claude Code would use.
    Credentials,
    /// Whom AWS takes the credentials for.
    CallerIdentity,
    /// The inference profiles the account lists in the Region.
    InferenceProfiles,
    /// The models that Mantle lists in the Region.
    MantleModels,
    /// Lifecycle, access and agreement of the models that are in use or pinned.
    ModelAvailability,
    /// Whether the use-case form of Anthropic models was submitted.
    UseCaseForm,
    /// Whether the models in use may be invoked.
    Invocations,
    /// What the IAM policy simulator says of the permissions that are needed.
    PolicySimulation,
    /// The quotas of the models in use.
    Quotas,
    /// How far this machine's clock is from AWS's.
    Clock,
    /// How far the requests to each host came.
    Connections,
}

impl ProbeId {
    /// Every probe, in the order people read them.
    pub const ALL: [Self; 17] = [
        Self::Machine,
        Self::ClaudeCode,
        Self::Configuration,
        Self::AwsFiles,
        Self::AwsCli,
        Self::SsoCache,
        Self::Credentials,
        Self::CallerIdentity,
        Self::InferenceProfiles,
        Self::MantleModels,
        Self::ModelAvailability,
        Self::UseCaseForm,
        Self::Invocations,
        Self::PolicySimulation,
        Self::Quotas,
        Self::Clock,
        Self::Connections,
    ];

    /// The name in the command line, in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::ClaudeCode => "claude-code",
            Self::Configuration => "configuration",
            Self::AwsFiles => "aws-files",
            Self::AwsCli => "aws-cli",
            Self::SsoCache => "sso-cache",
            Self::Credentials => "credentials",
            Self::CallerIdentity => "caller-identity",
            Self::InferenceProfiles => "inference-profiles",
            Self::MantleModels => "mantle-models",
            Self::ModelAvailability => "model-availability",
            Self::UseCaseForm => "use-case-form",
            Self::Invocations => "invocations",
            Self::PolicySimulation => "policy-simulation",
            Self::Quotas => "quotas",
            Self::Clock => "clock",
            Self::Connections => "connections",
        }
    }
}
