use jiff::Timestamp;

use super::left_out;
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{CallerIdentity, CredentialKind, Credentials, Now, StepOutcome};
use crate::finding::{Basis, Finding};
use crate::text::{duration, utc};

/// See [`Meta::docs`].
pub(crate) struct CredentialsNotExpired;

/// Less than this many seconds are worth a warning when Claude Code cannot get new credentials by itself.
const SHORTLY: i64 = 1_800;

impl Check for CredentialsNotExpired {
    const META: &'static Meta = &Meta {
        id: "credentials-not-expired",
        family: Family::Credentials,
        title: "the credentials have not expired",
        file: file!(),
        docs: "
## What it looks at

When the credentials expire, as far as their source says: `AWS_CREDENTIAL_EXPIRATION`, the `Expiration` of a
helper, the answer of STS or IAM Identity Center. Keys that begin with `AKIA` do not expire by themselves.

## Why it matters

Claude Code uses expired credentials all the same. AWS refuses them, and Claude Code retries for about 250 s
before it says \"AWS authentication failed\".

## How to fix it

Get new credentials from where these came from. `awsAuthRefresh` or `awsCredentialExport` in the settings
lets Claude Code do it by itself.
",
    };

    type Needs<'a> = (Now, &'a Credentials, Seen<'a, CallerIdentity>);

    fn run((Now(now), credentials, Seen(identity)): Self::Needs<'_>) -> Vec<Finding> {
        if let Some(why) = &credentials.not_saved {
            return vec![not_saved(why)];
        }
        vec![match (credentials.kind, credentials.expires_at) {
            (CredentialKind::None, _) => Finding::cannot_tell("there are no credentials")
                .explained_by("credential-source-found"),
            (CredentialKind::ApiKey | CredentialKind::Unsigned, _) => {
                let words = credentials.kind.words();
                Finding::not_applicable(format!("no AWS keys are used: {words}"))
            }
            (_, Some(at)) => judge(credentials, at, now, identity.known().is_some()),
            (_, None) => without_expiry(credentials),
        }]
    }
}

/// A renewal spends the refresh token: what the cache file still holds cannot be renewed again.
fn not_saved(why: &str) -> Finding {
    Finding::warn(
        "renewed-token-not-saved",
        format!("the token was renewed, and the new one was not kept: {why}"),
    )
    .why("a renewal spends the refresh token: if the cache file still holds the old one, Claude Code has to renew and cannot")
    .evidence(Basis::Observed, why)
    .fix("let the cache file and its folder be written, then sign in again")
}

fn judge(credentials: &Credentials, at: Timestamp, now: Timestamp, accepted: bool) -> Finding {
    let words = credentials.kind.words();
    let left = at.as_second() - now.as_second();
    if left > 0 {
        let until = format!(
            "the credentials ({words}) last until {}, {} from now",
            utc(at),
            duration(left)
        );
        return if credentials.renewable {
            Finding::pass(format!("{until}; Claude Code gets new ones by itself"))
        } else if left < SHORTLY {
            let what = format!("{until}; Claude Code cannot renew them");
            renew(
                Finding::warn("session-token-expired", what),
                credentials.kind,
            )
        } else {
            Finding::pass(until)
        };
    }
    let expired = format!(
        "the credentials ({words}) expired {} ago ({})",
        duration(left),
        utc(at)
    );
    let finding = if accepted {
        // The stated expiry can be a leftover of earlier keys: AWS has the last word.
        Finding::warn(
            "session-token-expired",
            format!("{expired} by what their source says, and AWS still accepts them"),
        )
    } else if credentials.renewable && credentials.kind != CredentialKind::Export {
        Finding::warn(
            "session-token-expired",
            format!("{expired}; Claude Code gets new ones by itself"),
        )
    } else {
        Finding::fail("session-token-expired", expired)
            .why("Claude Code uses them all the same and retries for about 250 s when AWS refuses them")
            .explained_by("bedrock-enabled")
            // AWS's refusal is the same problem, seen later.
            .explained_by("credentials-accepted")
    };
    renew(finding, credentials.kind)
}

fn renew(finding: Finding, kind: CredentialKind) -> Finding {
    match kind {
        CredentialKind::Environment => finding
            .fix("get new keys and export all three: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN")
            .fix_command(
                "or let Claude Code use a profile instead",
                "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION",
            ),
        CredentialKind::Export | CredentialKind::CredentialProcess => {
            finding.fix("renew the sign-in that the helper relies on, or clear its cache")
        }
        CredentialKind::ProfileStatic => finding.fix("write new keys and a new session token into the profile"),
        _ => finding.fix(format!("get new credentials from their source: {}", kind.words())),
    }
}

fn without_expiry(credentials: &Credentials) -> Finding {
    let Some(id) = &credentials.access_key_id else {
        let tried = credentials
            .steps
            .iter()
            .all(|step| step.outcome != StepOutcome::NotTried);
        let renewal = credentials.steps.iter().any(super::is_not_renewed);
        return if tried || renewal {
            Finding::cannot_tell("the credentials were not obtained, so their expiry is not known")
                .explained_by("credential-source-found")
        } else {
            left_out("obtains no credentials, so their expiry is not known")
        };
    };
    if id.starts_with("AKIA") {
        Finding::pass("static keys do not expire by themselves")
    } else {
        Finding::pass("the keys are temporary, and their expiry is not known here")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, Observed, Step};
    use crate::finding::Status;
    use crate::sample::{healthy, in_seconds, now, only, with_credentials};

    const CHECK: Entry = Entry::of::<CredentialsNotExpired>();
    const CODE: Option<&str> = Some("session-token-expired");

    /// Temporary keys; AWS was not asked.
    fn expiring(left: i64, renewable: bool) -> Facts {
        let mut facts = with_credentials(|it| {
            it.kind = CredentialKind::Environment;
            it.access_key_id = Some("ASIAIOSFODNN7EXAMPLE".into());
            it.has_session_token = true;
            it.expires_at = Some(in_seconds(left));
            it.renewable = renewable;
        });
        facts.caller_identity = Observed::NotCollected(Absence::NotInReport);
        facts
    }

    #[test]
    fn table() {
        for (left, renewable, status) in [
            (7_200, false, Status::Pass),
            (1_800, false, Status::Pass),
            (1_799, false, Status::Warn),
            (1_799, true, Status::Pass),
            (1, false, Status::Warn),
            (0, false, Status::Fail),
            (-1, false, Status::Fail),
            (-1, true, Status::Warn),
        ] {
            let code = if status == Status::Pass { None } else { CODE };
            only(&CHECK, &expiring(left, renewable), status, code);
        }
    }

    #[test]
    fn says_until_when_they_last() {
        assert_eq!(
            only(&CHECK, &expiring(7_200, false), Status::Pass, None).what,
            "the credentials (keys in the environment) last until 2026-11-22 20:00 UTC, 2 h from now"
        );
        assert_eq!(
            only(&CHECK, &expiring(-3_600, false), Status::Fail, CODE).what,
            "the credentials (keys in the environment) expired 1 h ago (2026-11-22 17:00 UTC)"
        );
    }

    #[test]
    fn a_stated_expiry_that_aws_does_not_share_is_a_warning() {
        let mut facts = expiring(-3_600, false);
        facts.caller_identity = healthy().caller_identity;
        only(&CHECK, &facts, Status::Warn, CODE);
    }

    #[test]
    fn a_helper_that_prints_expired_credentials_would_do_so_again() {
        let mut facts = expiring(-1, true);
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::Export;
        }
        only(&CHECK, &facts, Status::Fail, CODE);
    }

    #[test]
    fn says_what_is_known_of_keys_without_expiry() {
        assert_eq!(
            only(&CHECK, &healthy(), Status::Pass, None).what,
            "static keys do not expire by themselves"
        );
        let temporary =
            with_credentials(|it| it.access_key_id = Some("ASIAIOSFODNN7EXAMPLE".into()));
        assert_eq!(
            only(&CHECK, &temporary, Status::Pass, None).what,
            "the keys are temporary, and their expiry is not known here"
        );
    }

    #[test]
    fn does_not_apply_without_aws_keys() {
        for kind in [CredentialKind::ApiKey, CredentialKind::Unsigned] {
            only(
                &CHECK,
                &with_credentials(|it| it.kind = kind),
                Status::NotApplicable,
                None,
            );
        }
    }

    #[test]
    fn cannot_tell_without_credentials() {
        let none = with_credentials(|it| it.kind = CredentialKind::None);
        only(&CHECK, &none, Status::CannotTell, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }

    #[test]
    fn a_token_that_was_not_renewed_is_untold_and_offline_is_left_out() {
        let not_tried = |cause: Option<&str>| {
            with_credentials(|it| {
                it.kind = CredentialKind::Sso;
                it.access_key_id = None;
                it.steps = vec![Step {
                    provider: CredentialKind::Sso,
                    outcome: StepOutcome::NotTried,
                    reason: "not asked".into(),
                    failure: None,
                    cause: cause.map(str::to_owned),
                }];
            })
        };
        only(
            &CHECK,
            &not_tried(Some("sso-not-renewed")),
            Status::CannotTell,
            None,
        );
        assert!(only(&CHECK, &not_tried(None), Status::NotApplicable, None).left_out);
    }

    #[test]
    fn a_renewed_token_that_could_not_be_kept_is_a_warning() {
        let facts = with_credentials(|it| it.not_saved = Some("permission denied".into()));
        let finding = only(
            &CHECK,
            &facts,
            Status::Warn,
            Some("renewed-token-not-saved"),
        );
        assert!(finding.what.ends_with("permission denied"));
    }
}
