//! What `--refresh` adds to the chain: when to renew a token, writing it back, and `awsAuthRefresh`.
//!
//! How a token is renewed stands beside how it is used, in `sso.rs` and `login.rs`.

use std::path::Path;
use std::time::{Duration, Instant};

use bedrock_doctor_checks::claude_code::credential_plan::{Link, Provider};
use bedrock_doctor_checks::claude_code::shown_command;
use bedrock_doctor_checks::facts::{AuthRefresh, Failure, FailureKind};
use bedrock_doctor_checks::parse::rewrite::{Change, rewrite};
use jiff::{SignedDuration, Timestamp};

use super::{Chain, Refused, Signer, Walked, assume_role, helper};
use crate::aws;
use crate::world::{FileText, World};

/// What the chain does about a token that is due and can be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Say that Claude Code will renew it; change nothing.
    Predict,
    /// Renew it as Claude Code does, and write its cache file.
    Renew,
}

impl Renewal {
    /// What `--refresh` says.
    pub(crate) fn of(refresh: bool) -> Self {
        if refresh { Self::Renew } else { Self::Predict }
    }
}

/// When something that lasts so many seconds from now expires, and the way the SDK for JavaScript writes it.
pub(super) fn expiry(world: &World, seconds: i32) -> (Timestamp, String) {
    let now = world.clock();
    let at = now
        .checked_add(SignedDuration::from_secs(seconds.into()))
        .unwrap_or(now);
    (at, at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Why a token that is due is left as it is.
pub(super) struct PutOff {
    words: String,
    failure: Option<Failure>,
}

impl PutOff {
    /// What to add where the token is still good.
    pub(super) fn note(&self) -> &str {
        self.failure.as_ref().map_or("", |_| &self.words)
    }

    /// What becomes of a provider whose token has expired; `expired` says so, with some words behind it.
    pub(super) fn refused(
        self,
        cause: &'static str,
        expired: impl FnOnce(&str) -> String,
    ) -> Refused {
        let refused = Refused::due(cause, expired(&self.words));
        Refused {
            failure: self.failure,
            ..refused
        }
    }
}

/// The least time that a renewal is begun with.
const LEAST: Duration = Duration::from_secs(8);

/// Why not to renew a token now; none: go ahead. AWS takes the old one back with its answer, so nobody must ask who could
/// not wait for it, or could not keep the new one.
pub(super) fn put_off(chain: &Chain<'_>, path: &Path) -> Option<PutOff> {
    let failure = match chain.renewal {
        Renewal::Predict => {
            return Some(PutOff {
                words: "; Claude Code will renew it by itself".to_owned(),
                failure: None,
            });
        }
        Renewal::Renew if chain.rest() < LEAST => {
            let what = format!(
                "a renewal needs {} s, and less is left of the run (--timeout)",
                LEAST.as_secs()
            );
            Failure::new(FailureKind::Configuration, what)
        }
        Renewal::Renew => {
            let why = chain.world.replaceable(path).err()?;
            let shown = chain.world.shown(path);
            Failure::new(
                FailureKind::File,
                format!("`{shown}` cannot be written: {why}"),
            )
        }
    };
    Some(PutOff {
        words: format!("; not renewed: {}", failure.message),
        failure: Some(failure),
    })
}

/// How long an answer is waited for that holds the only token: to the end of the run, but for the moment to say so.
pub(super) fn patience(chain: &Chain<'_>) -> Duration {
    chain.rest().saturating_sub(Duration::from_millis(200))
}

/// Writes a renewed token into its cache file, or says why not. A sign-in from meanwhile is left as it is.
pub(super) fn save(
    chain: &Chain<'_>,
    path: &Path,
    before: &str,
    changes: &[(&str, Change<'_>)],
) -> Result<(), String> {
    let shown = chain.world.shown(path);
    if !matches!(chain.world.read(path), FileText::Text(text) if text == before) {
        return Err(format!("`{shown}` was changed meanwhile"));
    }
    let written = rewrite(before, changes)
        .map_err(|_| "it is not valid JSON".to_owned())
        .and_then(|text| chain.world.replace(path, &text));
    written.map_err(|why| format!("`{shown}` could not be written: {why}"))
}

/// The longest that Claude Code waits for `awsAuthRefresh`.
const PATIENCE: Duration = Duration::from_mins(3);

/// What became of `awsAuthRefresh`.
pub(crate) enum AuthRefreshed {
    /// It was run, for so long. The AWS files have to be read again.
    Ran(AuthRefresh, Duration),
    /// It is not needed: this is what the chain delivers.
    NotNeeded(Box<Walked>),
}

/// Runs `awsAuthRefresh` if Claude Code would: when STS does not accept what the chain delivers, or it delivers nothing.
/// None: it is not set, or there was no time to find out.
///
/// It may wait for somebody in a browser, so what it prints is said as it comes, and it has a time of its own.
pub(crate) async fn auth_refresh(chain: &Chain<'_>, say: impl Fn(&str)) -> Option<AuthRefreshed> {
    let command = chain.resolved.auth_refresh_command()?;
    let asked = tokio::time::timeout_at(chain.deadline.into(), refused(chain));
    let because = match asked.await.ok()? {
        Ok(walked) => return Some(AuthRefreshed::NotNeeded(Box::new(walked))),
        Err(because) => because,
    };
    let name = format!("awsAuthRefresh (`{}`)", shown_command(command));
    let minutes = PATIENCE.as_secs() / 60;
    say(&format!(
        "--refresh: {name} runs now, for at most {minutes} min, because: {because}"
    ));
    let started = Instant::now();
    let heard = |line: &str| say(&chain.secrets.without_known(line));
    let failure = helper::run(chain, command, &name, PATIENCE, heard)
        .await
        .err()
        .and_then(|refused| refused.failure);
    let run = AuthRefresh { because, failure };
    Some(AuthRefreshed::Ran(run, started.elapsed()))
}

/// What the chain delivers, or why STS does not accept it. Claude Code leaves its export out of this and runs it
/// afterwards (seen, 2.1.330).
async fn refused(chain: &Chain<'_>) -> Result<Walked, String> {
    let links = chain.resolved.plan.links.iter();
    let links = links.filter(|link| !matches!(link, Link::Try(Provider::Export)));
    let (credentials, signer) = chain.walk_links(links).await;
    let Some(signer @ Signer::Keys(_)) = signer else {
        let nothing = "the credential chain delivers nothing".to_owned();
        return Err(credentials.error.unwrap_or(nothing));
    };
    let (client, host) =
        assume_role::sts(chain, &signer, None).map_err(|refused| refused.reason)?;
    let answer = client.get_caller_identity().send();
    super::within(chain, chain.for_answer(), &host, "sts", answer)
        .await
        .map_err(|refused| refused.reason)?
        .map_err(|error| aws::failure("sts", &host, chain.secrets, &error).words())?;
    Ok((credentials, Some(signer)))
}
