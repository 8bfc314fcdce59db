//! What `--refresh` adds to the chain: writing a renewed token back, and `awsAuthRefresh`.
//!
//! How a token is renewed stands beside how it is used, in `sso.rs` and `login.rs`.

use std::path::Path;
use std::time::Duration;

use bedrock_doctor_checks::claude_code::credential_plan::{Link, Provider};
use bedrock_doctor_checks::claude_code::shown_command;
use bedrock_doctor_checks::facts::AuthRefresh;
use bedrock_doctor_checks::parse::rewrite::{Change, rewrite};
use jiff::{SignedDuration, Timestamp};

use super::{Chain, Signer, assume_role, helper};
use crate::aws;
use crate::world::World;

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

/// The SDK for JavaScript renews, or gives up on, a token with this many seconds left or less.
pub(super) const WINDOW: i64 = 300;

/// When something that lasts so many seconds from now expires, and the way the SDK for JavaScript writes it.
pub(super) fn expiry(world: &World, seconds: i32) -> (Timestamp, String) {
    let now = world.clock();
    let at = now
        .checked_add(SignedDuration::from_secs(seconds.into()))
        .unwrap_or(now);
    (at, at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Writes a renewed token into its cache file, or says why not.
pub(super) fn save(
    chain: &Chain<'_>,
    path: &Path,
    before: &str,
    changes: &[(&str, Change<'_>)],
) -> Result<(), String> {
    let written = rewrite(before, changes)
        .map_err(|_| "it is not valid JSON".to_owned())
        .and_then(|text| chain.world.replace(path, &text));
    written.map_err(|why| format!("`{}` could not be written: {why}", chain.world.shown(path)))
}

/// The longest that Claude Code waits for `awsAuthRefresh`.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs `awsAuthRefresh` if Claude Code would: when STS does not accept what the chain delivers, or it delivers nothing.
///
/// None: it is not set, or not needed. Afterwards the AWS files have to be read again.
pub(crate) async fn auth_refresh(chain: &Chain<'_>) -> Option<AuthRefresh> {
    let command = chain.resolved.auth_refresh_command()?;
    let because = refused(chain).await?;
    let name = format!("awsAuthRefresh (`{}`)", shown_command(command));
    // The walk afterwards needs time, too.
    let patience = PATIENCE.min(chain.rest().mul_f32(0.7));
    let failure = helper::run(chain, command, &name, patience)
        .await
        .err()
        .and_then(|refused| refused.failure);
    Some(AuthRefresh { because, failure })
}

/// Why STS does not accept the credentials of the chain; none when it does. Claude Code leaves its export out of this
/// and runs it afterwards (seen, 2.1.330).
async fn refused(chain: &Chain<'_>) -> Option<String> {
    let links = chain.resolved.plan.links.iter();
    let links = links.filter(|link| !matches!(link, Link::Try(Provider::Export)));
    let (credentials, signer) = chain.walk_links(links).await;
    let Some(signer @ Signer::Keys(_)) = signer else {
        let nothing = "the credential chain delivers nothing".to_owned();
        return Some(credentials.error.unwrap_or(nothing));
    };
    let (client, host) = match assume_role::sts(chain, &signer, None) {
        Ok(sts) => sts,
        Err(refused) => return Some(refused.reason),
    };
    let answer = client.get_caller_identity().send();
    match super::within(chain, &host, "sts", answer).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(aws::failure("sts", &host, chain.secrets, &error).words()),
        Err(refused) => Some(refused.reason),
    }
}
