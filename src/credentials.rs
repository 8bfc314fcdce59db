//! The credential chain as Claude Code walks it. Secrets never leave this folder but inside a [`Signer`].
//!
//! `checks` decides which providers are tried and in which order; here they are tried. One provider, one file.

mod assume_role;
mod bearer;
mod dpop;
mod endpoint;
mod helper;
mod login;
mod offline;
mod profile;
mod renewal;
mod sso;

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_credential_types::Credentials as Keys;
use aws_credential_types::Token;
use bedrock_doctor_checks::claude_code::Resolved;
use bedrock_doctor_checks::claude_code::credential_plan::{Link, NO_PROVIDERS, Provider};
use bedrock_doctor_checks::claude_code::network::{Plane, host_of};
use bedrock_doctor_checks::claude_code::variables::looks_like_access_key_id;
use bedrock_doctor_checks::facts::{
    CredentialKind, Credentials, Failure, FailureKind, Step, StepOutcome, Value,
};
use jiff::Timestamp;

pub(crate) use self::renewal::{AuthRefreshed, Renewal, auth_refresh};
use crate::aws;
use crate::http::Http;
use crate::secrets::Secrets;
use crate::world::World;

/// Who signs requests. Holds secrets: it has no `Debug` of its own.
#[derive(Clone)]
pub(crate) enum Signer {
    /// Requests go out unsigned, or the operation needs no signature.
    Nobody,
    /// `SigV4`.
    Keys(Keys),
    /// A Bedrock API key.
    Bearer(Token),
    /// An API key of Claude Platform on AWS.
    PlatformKey(Token),
}

/// What the chain needs.
pub(crate) struct Chain<'a> {
    pub(crate) world: &'a World,
    pub(crate) resolved: &'a Resolved,
    pub(crate) http: &'a Http,
    pub(crate) secrets: &'a Secrets,
    /// The longest that one step may take.
    pub(crate) longest: Duration,
    /// When the whole run ends.
    pub(crate) deadline: Instant,
    /// Ask nobody and start nothing: say what would be tried.
    pub(crate) offline: bool,
    /// What to do about a token that is due.
    pub(crate) renewal: Renewal,
}

/// Keys from a provider.
struct Delivered {
    keys: Keys,
    expires_at: Option<Timestamp>,
    renewable: bool,
    profile: Option<String>,
    role_arns: Vec<String>,
    configured_account: Option<String>,
    not_saved: Option<String>,
    reason: String,
}

impl Delivered {
    /// Keys without anything special about them.
    fn new(keys: Keys, reason: String) -> Self {
        Self {
            keys,
            expires_at: None,
            renewable: false,
            profile: None,
            role_arns: Vec::new(),
            configured_account: None,
            not_saved: None,
            reason,
        }
    }
}

/// Why a provider delivered nothing.
struct Refused {
    /// The chain ends here.
    stops: bool,
    /// It was not tried, because a token is due and would be renewed.
    not_tried: bool,
    cause: &'static str,
    reason: String,
    /// What Claude Code prints, when it ends here; none: the reason.
    printed: Option<String>,
    failure: Option<Failure>,
}

impl Refused {
    fn new(cause: &'static str, reason: impl Into<String>) -> Self {
        Self {
            stops: false,
            not_tried: false,
            cause,
            reason: reason.into(),
            printed: None,
            failure: None,
        }
    }

    /// A token is due: Claude Code will renew it, this run does not.
    fn due(cause: &'static str, reason: String) -> Self {
        Self {
            not_tried: true,
            ..Self::new(cause, reason)
        }
    }

    /// The chain ends with this provider's own words.
    fn stopping(mut self) -> Self {
        self.stops = true;
        self
    }

    /// The chain ends, and Claude Code prints this.
    fn printing(mut self, printed: impl Into<String>) -> Self {
        self.printed = Some(printed.into());
        self.stopping()
    }

    fn with(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }

    fn into_failure(self) -> Failure {
        let reason = self.reason;
        self.failure
            .unwrap_or_else(|| Failure::new(FailureKind::TimedOut, reason))
    }
}

type Outcome = Result<Delivered, Refused>;

/// What the chain delivers: the credentials as a fact, and whoever signs.
pub(crate) type Walked = (Credentials, Option<Signer>);

impl Chain<'_> {
    /// Walks the chain.
    pub(crate) async fn walk(&self) -> Walked {
        self.walk_links(self.resolved.plan.links.iter()).await
    }

    async fn walk_links(&self, links: impl Iterator<Item = &Link>) -> Walked {
        let mut steps = Vec::new();
        for link in links {
            let provider = match link {
                Link::Settled(step) => {
                    steps.push(step.clone());
                    continue;
                }
                Link::Stopped { step, printed } => {
                    steps.push(step.clone());
                    return (Credentials::none(steps, Some(printed.clone())), None);
                }
                Link::Try(provider) => provider,
            };
            let kind = provider.kind();
            let failed = if self.offline {
                offline::failure(self, provider).await
            } else {
                None
            };
            match provider {
                Provider::ApiKey => return bearer::api_key(self, steps),
                Provider::Unsigned => {
                    steps.push(used(kind, "authentication is switched off".to_owned()));
                    let credentials = Credentials {
                        kind,
                        ..Credentials::none(steps, None)
                    };
                    // A gateway's own token goes out as it is.
                    let signer = match self.variable("ANTHROPIC_AUTH_TOKEN") {
                        Some(token) => Signer::Bearer(Token::new(token, None)),
                        None => Signer::Nobody,
                    };
                    return (credentials, Some(signer));
                }
                _ if self.offline && !offline::is_local(provider) && failed.is_none() => {
                    steps.push(Step {
                        provider: kind,
                        outcome: StepOutcome::NotTried,
                        reason: format!(
                            "{}left out: --offline asks nobody and starts no program",
                            offline::described(provider)
                        ),
                        failure: None,
                        cause: None,
                    });
                    let credentials = Credentials {
                        kind,
                        profile: self.profile_of(provider),
                        ..Credentials::none(steps, None)
                    };
                    return (credentials, None);
                }
                _ => {}
            }
            let outcome = match failed {
                Some(refused) => Err(refused),
                None => self.try_provider(provider).await,
            };
            match outcome {
                Ok(delivered) => {
                    self.remember(&delivered.keys);
                    steps.push(used(kind, delivered.reason));
                    let credentials = Credentials {
                        kind,
                        profile: delivered.profile,
                        access_key_id: shown_key_id(self, &delivered.keys),
                        has_session_token: delivered.keys.session_token().is_some(),
                        expires_at: delivered.expires_at,
                        renewable: delivered.renewable,
                        role_arns: delivered.role_arns,
                        configured_account: delivered.configured_account,
                        not_saved: delivered.not_saved,
                        ..Credentials::none(steps, None)
                    };
                    return (credentials, Some(Signer::Keys(delivered.keys)));
                }
                Err(refused) => {
                    let printed = refused.printed.unwrap_or_else(|| refused.reason.clone());
                    steps.push(Step {
                        provider: kind,
                        outcome: match (refused.not_tried, refused.stops) {
                            (true, _) => StepOutcome::NotTried,
                            (false, true) => StepOutcome::Stopped,
                            (false, false) => StepOutcome::Failed,
                        },
                        reason: refused.reason,
                        failure: refused.failure,
                        cause: Some(refused.cause.to_owned()),
                    });
                    if refused.not_tried {
                        let credentials = Credentials {
                            kind,
                            profile: self.profile_of(provider),
                            renewable: true,
                            ..Credentials::none(steps, None)
                        };
                        return (credentials, None);
                    }
                    if refused.stops {
                        return (Credentials::none(steps, Some(printed)), None);
                    }
                }
            }
        }
        let error = Some(NO_PROVIDERS.to_owned());
        (Credentials::none(steps, error), None)
    }

    async fn try_provider(&self, provider: &Provider) -> Outcome {
        match provider {
            Provider::ApiKey | Provider::Unsigned => {
                Err(Refused::new("not-a-provider-of-keys", "delivers no keys"))
            }
            Provider::Export => helper::export(self).await,
            Provider::Environment => profile::environment(self),
            Provider::Profile(provider) => profile::provide(self, provider).await,
            Provider::WebIdentity(identity) => {
                assume_role::web_identity(self, identity, None).await
            }
            Provider::Container => endpoint::container(self).await,
            Provider::InstanceMetadata => endpoint::instance_metadata(self).await,
        }
    }

    /// Keeps keys out of every message from now on.
    fn remember(&self, keys: &Keys) {
        self.secrets.remember(keys.secret_access_key());
        if let Some(token) = keys.session_token() {
            self.secrets.remember(token);
        }
    }

    /// What a client of a service is made of, and its host. The SDK may refuse to ask there, which ends the chain.
    fn client(
        &self,
        endpoint: Value<String>,
        region: &str,
        signer: &Signer,
    ) -> Result<(SdkConfig, String), Refused> {
        if let Some(failure) = self.resolved.credentials.refusal(&endpoint, region) {
            return Err(Refused::new("endpoint-refused", failure.words())
                .printing(failure.message.clone())
                .with(failure));
        }
        let address = endpoint.value;
        let config = aws::config(self.http, Plane::Credentials, region, &address, signer);
        Ok((config, host_of(&address)))
    }

    fn profile_of(&self, provider: &Provider) -> Option<String> {
        let profile = &self.resolved.configuration.profile.value;
        matches!(provider, Provider::Profile(_)).then(|| profile.clone())
    }

    /// How long the next step may take: it ends well before the run does, so that what was waited for can be named and
    /// the next step has its chance.
    fn patience(&self) -> Duration {
        self.longest.min(self.rest().mul_f32(0.7))
    }

    /// How long to wait for one answer of AWS.
    fn for_answer(&self) -> Duration {
        self.patience().min(ANSWER)
    }

    /// How long the whole run still takes at most.
    fn rest(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.resolved.inputs.environment.get(name)
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

/// The access key id; not when a secret stands in its place.
fn shown_key_id(chain: &Chain<'_>, keys: &Keys) -> Option<String> {
    let id = keys.access_key_id();
    if looks_like_access_key_id(id) {
        return Some(id.to_owned());
    }
    chain.secrets.remember(id);
    None
}

fn used(provider: CredentialKind, reason: String) -> Step {
    Step {
        provider,
        outcome: StepOutcome::Used,
        reason,
        failure: None,
        cause: None,
    }
}

/// Keys from their parts, as they are: Claude Code signs with blanks around them too.
fn keys(id: &str, secret: &str, token: Option<&str>) -> Keys {
    Keys::new(id, secret, token.map(str::to_owned), None, "bedrock-doctor")
}

/// The longest that AWS may take for one answer; a helper program may take longer.
const ANSWER: Duration = Duration::from_secs(6);

/// Waits for an answer no longer than that; a time-out names what was waited for.
async fn within<T>(
    chain: &Chain<'_>,
    patience: Duration,
    host: &str,
    service: &str,
    answer: impl Future<Output = T>,
) -> Result<T, Refused> {
    tokio::time::timeout(patience, answer).await.map_err(|_| {
        let failure = crate::probes::timed_out(chain.http, service, host, patience);
        Refused::new("timed-out", failure.message.clone())
            .stopping()
            .with(failure)
    })
}
