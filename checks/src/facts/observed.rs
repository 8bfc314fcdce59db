//! What a probe learned, or why it learned nothing.

use serde::{Deserialize, Serialize};

use super::Stage;
use crate::probe::ProbeId;

/// What a probe learned, or why it learned nothing.
///
/// Never an `Option`: "AWS refused to say" and "nobody asked" are different answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", content = "value", rename_all = "kebab-case")]
pub enum Observed<T> {
    /// The probe has an answer.
    Known(T),
    /// The probe ran and was refused or broke.
    Failed(Failure),
    /// Nobody asked, and why.
    NotCollected(Absence),
}

/// An older report has no field for a fact that came later.
impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self::NotCollected(Absence::NotInReport)
    }
}

impl<T> Observed<T> {
    /// Returns the answer, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Failed(_) | Self::NotCollected(_) => None,
        }
    }

    /// Returns the failure, if the probe was refused or broke.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Known(_) | Self::NotCollected(_) => None,
        }
    }

    /// Returns the same outcome for a value derived from this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Known(value) => Observed::Known(change(value)),
            Self::Failed(failure) => Observed::Failed(failure),
            Self::NotCollected(why) => Observed::NotCollected(why),
        }
    }
}

/// Why nobody asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Absence {
    /// No selected check needs it, or it was left out with `--skip`.
    NotSelected,
    /// Left out on purpose by `--offline`.
    Offline,
    /// It needs what another probe did not deliver.
    Needs {
        /// The probe that did not deliver.
        probe: ProbeId,
    },
    /// It does not exist on this set-up, such as a caller identity for a Bedrock API key.
    DoesNotApply {
        /// Why it does not exist here.
        because: String,
    },
    /// The report predates the fact.
    NotInReport,
}

/// What went wrong when a probe asked. Holds no judgement: see `signatures`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How far the question came.
    pub kind: FailureKind,
    /// The AWS service asked, in the SDK's spelling: `sts`, `bedrock`, `bedrock-runtime`, `sso`, `sso-oidc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The host asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// AWS's error code, such as `AccessDeniedException`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The words of AWS or of the operating system, without secrets.
    pub message: String,
    /// AWS's request id: support needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What a question that timed out was waiting for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_for: Option<Stage>,
    /// What answered instead of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stranger: Option<Box<Stranger>>,
}

/// An answer that is none of the service's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// Its content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The host that it sends the client on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects_to: Option<String>,
    /// The title of the web page that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_title: Option<String>,
}

/// The message of a failure before anything left the machine: the address is no usable URL.
pub const NOT_SENT: &str = "the request could not be sent";

impl Failure {
    /// A failure of the given kind with no more than words.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            service: None,
            host: None,
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            waited_for: None,
            stranger: None,
        }
    }

    /// Whether the question never reached the service it was for.
    pub fn is_transport(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::TimedOut
                | FailureKind::Dns
                | FailureKind::Tcp
                | FailureKind::Proxy
                | FailureKind::Tls
                | FailureKind::Http
        )
    }

    /// `Code: message`, or the message alone.
    pub fn words(&self) -> String {
        match &self.code {
            Some(code) if !self.message.is_empty() => format!("{code}: {}", self.message),
            Some(code) => code.clone(),
            None => self.message.clone(),
        }
    }
}

/// How far a question came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The service answered with an error of its own.
    Service,
    /// No answer before the deadline.
    TimedOut,
    /// The name could not be resolved.
    Dns,
    /// No TCP connection: refused, unreachable, reset.
    Tcp,
    /// The proxy refused the tunnel.
    Proxy,
    /// TLS failed: certificate not trusted, expired, for another name.
    Tls,
    /// The answer is not one of the service's: cut off, HTML, no HTTP.
    Http,
    /// A file could not be read.
    File,
    /// A helper program failed.
    Helper,
    /// The configuration rules the question out.
    Configuration,
}
