//! The credentials Claude Code would use, and every step of the chain that was tried. No secret has a field here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;

/// The kind of source that delivers credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// `AWS_BEARER_TOKEN_BEDROCK`.
    ApiKey,
    /// `CLAUDE_CODE_SKIP_BEDROCK_AUTH`: a gateway signs.
    Unsigned,
    /// `awsCredentialExport` of the settings.
    Export,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Environment,
    /// Keys in a profile.
    ProfileStatic,
    /// A role assumed from other credentials.
    AssumeRole,
    /// A role assumed with an OIDC token.
    WebIdentity,
    /// `credential_process` of a profile.
    CredentialProcess,
    /// IAM Identity Center.
    Sso,
    /// `aws login`.
    Login,
    /// The credentials endpoint of ECS or EKS.
    Container,
    /// EC2 instance metadata.
    InstanceMetadata,
    /// None: Claude Code ends without credentials.
    None,
}

impl CredentialKind {
    /// The words in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::ApiKey => "Bedrock API key (AWS_BEARER_TOKEN_BEDROCK)",
            Self::Unsigned => "unsigned requests (CLAUDE_CODE_SKIP_BEDROCK_AUTH)",
            Self::Export => "awsCredentialExport",
            Self::Environment => "keys in the environment",
            Self::ProfileStatic => "keys in the profile",
            Self::AssumeRole => "assumed role",
            Self::WebIdentity => "web identity",
            Self::CredentialProcess => "credential_process",
            Self::Sso => "IAM Identity Center",
            Self::Login => "aws login",
            Self::Container => "container credentials",
            Self::InstanceMetadata => "EC2 instance metadata",
            Self::None => "none",
        }
    }
}

/// What became of one provider of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It delivered.
    Used,
    /// It has nothing to offer here.
    PassedOver,
    /// It was tried, failed, and the chain goes on.
    Failed,
    /// It was tried, failed, and the chain ends.
    Stopped,
    /// It would be tried, but was not: `--offline`, or its token would have to be renewed first.
    NotTried,
}

/// One provider of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The provider.
    pub provider: CredentialKind,
    /// What became of it.
    pub outcome: StepOutcome,
    /// Why.
    pub reason: String,
    /// What broke, in detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The finer cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Causes of an expired token that Claude Code would renew, and this program did not.
const NOT_RENEWED: [&str; 2] = ["sso-not-renewed", "login-not-renewed"];

/// Whether a step was left out because its token would have to be renewed first.
pub fn is_not_renewed(step: &Step) -> bool {
    step.cause
        .as_deref()
        .is_some_and(|cause| NOT_RENEWED.contains(&cause))
}

/// The credentials Claude Code would use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The source.
    pub kind: CredentialKind,
    /// The profile they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The access key id; outputs shorten it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Whether a session token comes with them.
    pub has_session_token: bool,
    /// When they expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether Claude Code gets new ones by itself when they expire.
    pub renewable: bool,
    /// The roles and accounts on the way, as the configuration names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_arns: Vec<String>,
    /// The account that an Identity Center profile names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured_account: Option<String>,
    /// What Claude Code would print, when it ends without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Every provider, in order.
    pub steps: Vec<Step>,
    /// The API key, as far as it may be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    /// Why a renewed token is not in its cache file, which holds the used one still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_saved: Option<String>,
    /// What became of `awsAuthRefresh`, when it was run (`--refresh`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_refresh: Option<AuthRefresh>,
}

/// A run of `awsAuthRefresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthRefresh {
    /// Why it was run: what Claude Code, too, would have met.
    pub because: String,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Credentials {
    /// No credentials yet.
    pub fn none(steps: Vec<Step>, error: Option<String>) -> Self {
        Self {
            kind: CredentialKind::None,
            profile: None,
            access_key_id: None,
            has_session_token: false,
            expires_at: None,
            renewable: false,
            role_arns: Vec::new(),
            configured_account: None,
            error,
            steps,
            api_key: None,
            not_saved: None,
            auth_refresh: None,
        }
    }
}

/// What a Bedrock API key tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The form of the key.
    pub form: ApiKeyForm,
    /// The Region a short-term key is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When a short-term key expires at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The form of a Bedrock API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiKeyForm {
    /// `bedrock-api-key-…`: at most 12 hours.
    ShortTerm,
    /// `ABSK…`: belongs to an IAM user.
    LongTerm,
    /// Neither: Bedrock will refuse it.
    Unknown,
}

/// The token cache of IAM Identity Center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoCache {
    /// The folder.
    pub path: String,
    /// The session the active profile needs, if it uses Identity Center.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<SsoSession>,
    /// Files in the folder that hold a token, by file name.
    pub tokens: Vec<SsoToken>,
    /// Files in the folder that could not be used, and why.
    pub problems: Vec<FileProblem>,
}

impl SsoCache {
    /// The token of the active session.
    pub fn active_token(&self) -> Option<&SsoToken> {
        let wanted = &self.active.as_ref()?.cache_file;
        self.tokens.iter().find(|token| token.file == *wanted)
    }
}

/// The session the active profile needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoSession {
    /// The profile that uses it.
    pub profile: String,
    /// `sso_session`; none for the old form with `sso_start_url` in the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// `sso_start_url`.
    pub start_url: String,
    /// `sso_region`.
    pub region: String,
    /// `sso_account_id`.
    pub account_id: String,
    /// `sso_role_name`.
    pub role_name: String,
    /// The name of the cache file.
    pub cache_file: String,
}

impl SsoSession {
    /// The command that signs in.
    pub fn login_command(&self) -> String {
        if self.profile == "default" {
            "aws sso login".to_owned()
        } else {
            format!(
                "aws sso login --profile {}",
                crate::text::shell_word(&self.profile)
            )
        }
    }

    /// Whether Claude Code renews this token by itself: never in the old form of profile.
    pub fn renews(&self, token: &SsoToken) -> bool {
        token.renewable && self.session.is_some()
    }
}

/// A cached Identity Center token, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoToken {
    /// File name in the cache folder.
    pub file: String,
    /// When the token expires; none when the text is no date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether everything a renewal needs is there.
    pub renewable: bool,
    /// How AWS refused to renew it (`--refresh`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_refused: Option<Failure>,
    /// What kept it from being renewed here, when AWS did not refuse it (`--refresh`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_failed: Option<Failure>,
    /// When the client registration expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_expires_at: Option<Timestamp>,
    /// The start URL the token was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_url: Option<String>,
    /// The Region the token was made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProblem {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// `~/.aws/config` and `~/.aws/credentials`, without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsFiles {
    /// The config file.
    pub config: AwsFile,
    /// The credentials file.
    pub credentials: AwsFile,
}

impl AwsFiles {
    /// Whether a profile stands in either file.
    pub fn has_profile(&self, name: &str) -> bool {
        [&self.config, &self.credentials]
            .iter()
            .any(|file| file.profiles.iter().any(|profile| profile == name))
    }

    /// All profile names, sorted, each once.
    pub fn profiles(&self) -> Vec<&str> {
        let mut names: Vec<&str> = [&self.config, &self.credentials]
            .iter()
            .flat_map(|file| file.profiles.iter().map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// One of the two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsFile {
    /// Where it is looked for.
    pub path: String,
    /// Whether it is there.
    pub present: bool,
    /// Why it could not be read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The profiles in it.
    pub profiles: Vec<String>,
    /// The `[sso-session …]` sections in it.
    pub sso_sessions: Vec<String>,
    /// Lines Claude Code does not read, and why.
    pub ignored: Vec<IgnoredLine>,
}

/// A line Claude Code does not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredLine {
    /// The line, from 1.
    pub line: u32,
    /// The profile name that a reader would take it for, when it is a section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Why.
    pub why: String,
    /// What it should read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}
