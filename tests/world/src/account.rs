//! What the pretend account holds and what time it is there.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

/// The inference profiles a healthy account lists, in this order.
const PROFILES: [&str; 11] = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-sonnet-4-6",
    "us.anthropic.claude-opus-4-8",
    "us.anthropic.claude-opus-5",
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-opus-5-5",
    "eu.anthropic.claude-opus-5-5",
    "global.anthropic.claude-opus-5-5",
];

/// The model behind an application inference profile that nobody declared.
pub(crate) const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

/// What the policy simulator denies.
#[derive(Debug, Clone)]
pub(crate) struct Denied {
    pub(crate) action: String,
    /// Part of the ARN.
    pub(crate) resource: String,
    /// `explicitDeny`, `implicitDeny`.
    pub(crate) decision: String,
}

/// A quota of Amazon Bedrock.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) value: f64,
    pub(crate) default: f64,
    pub(crate) adjustable: bool,
}

/// The settings of a world that answers depend on.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// The last part of the caller's ARN: `assumed-role/Dev/alice`, `user/bob`, `root`.
    pub(crate) caller: String,
    /// Ids of the inference profiles that AWS defines.
    pub(crate) profiles: Vec<String>,
    /// Id and base model of the account's own inference profiles.
    pub(crate) application_profiles: Vec<(String, String)>,
    pub(crate) denied: Vec<Denied>,
    pub(crate) quotas: Vec<Quota>,
    /// The most entries one page of a listing holds.
    pub(crate) page_size: usize,
    /// How long every answer takes.
    pub(crate) latency: Duration,
    /// Seconds by which AWS's clock is ahead of this machine's.
    pub(crate) clock_offset: i64,
    /// Whether the metadata service refuses requests without a token.
    pub(crate) metadata_v2_only: bool,
    /// Hosts that are answered although AWS has no such host.
    pub(crate) gateways: Vec<String>,
    /// Whether a request that is not signed as it should be is refused.
    pub(crate) checks_signatures: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            id: "123456789012".to_owned(),
            caller: "assumed-role/Dev/alice".to_owned(),
            profiles: PROFILES.map(str::to_owned).to_vec(),
            application_profiles: Vec::new(),
            denied: Vec::new(),
            quotas: vec![Quota {
                name:
                    "Cross-region model inference tokens per minute for Anthropic Claude Opus 5.5"
                        .to_owned(),
                code: "L-55555555".to_owned(),
                value: 2_000_000.0,
                default: 2_000_000.0,
                adjustable: true,
            }],
            page_size: 1000,
            latency: Duration::ZERO,
            clock_offset: 0,
            metadata_v2_only: false,
            gateways: Vec::new(),
            checks_signatures: true,
        }
    }
}

impl Account {
    /// Returns the time AWS believes it is, to the second.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let now = now
            .checked_add(SignedDuration::from_secs(self.clock_offset))
            .unwrap_or(now);
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Returns the time `seconds` from [`Account::now`].
    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        let now = self.now();
        now.checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(now)
    }
}
