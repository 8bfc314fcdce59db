//! What the AWS CLI would use on the same machine. No secret has a field here.

use serde::{Deserialize, Serialize};

use super::{CredentialKind, Value};

/// What `aws`, version 2, would use when it is run in the same shell. It never reads Claude Code's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsCli {
    /// The profile.
    pub profile: Value<String>,
    /// The Region; none when neither a variable nor the profile names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Value<String>>,
    /// Where the credentials would come from. Nobody was asked for them.
    pub credentials: Value<AwsCliCredentials>,
    /// The file of certificates to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<Value<String>>,
    /// The endpoint that replaces AWS's own for `aws bedrock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Value<String>>,
}

/// Where the credentials of the AWS CLI would come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsCliCredentials {
    /// The kind of source; `none` when there is none, or when `aws` ends with an error.
    pub kind: CredentialKind,
    /// The profile they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The access key id, of keys that stand in a variable or a file; outputs shorten it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The account, when the configuration names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role that is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The error that the configuration alone makes `aws` end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AwsCliError>,
}

impl AwsCliCredentials {
    /// Credentials of a kind, of which nothing else is known.
    pub fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            profile: None,
            access_key_id: None,
            account: None,
            role_arn: None,
            error: None,
        }
    }
}

/// An error of the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsCliError {
    /// Its class in botocore, such as `ProfileNotFound`.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}
