use super::unless_refreshed;
use crate::answer::not_judged_here;
use crate::check::{Check, Family, Meta, Seen};
use crate::claude_code::credential_plan::RENEWAL_WINDOW;
use crate::credentials::{renew, sign_in_then_check};
use crate::facts::{Configuration, Now, Request, SsoCache, SsoSession, SsoToken};
use crate::finding::{Basis, Finding};
use crate::text::relative;

/// See [`Meta::docs`].
pub(crate) struct SsoTokenFresh;

/// Less than this many seconds are worth a warning when the token cannot be renewed.
const SHORTLY: i64 = 1_800;

impl Check for SsoTokenFresh {
    const META: &'static Meta = &Meta {
        id: "sso-token-fresh",
        family: Family::Sso,
        title: "the IAM Identity Center token has not expired",
        file: file!(),
        docs: "
## What it looks at

The token in `~/.aws/sso/cache/` that belongs to the active profile: when it expires, and whether
everything that a renewal needs is there.

## Why it matters

Without a valid token no role credentials are handed out, so every call fails before it reaches Bedrock.
Claude Code renews a token with less than 5 minutes left, if it can; the old form of profile
(`sso_start_url` in the profile itself) never can, and uses its token to the end.

## How to fix it

Run `aws sso login` for the profile. An `[sso-session …]` section makes tokens renewable.
",
    };

    type Needs<'a> = (Now, &'a Request, &'a SsoCache, Seen<'a, Configuration>);

    fn run((Now(now), request, cache, Seen(configuration)): Self::Needs<'_>) -> Vec<Finding> {
        let Some(session) = &cache.active else {
            return vec![Finding::not_applicable(
                "the active profile does not use IAM Identity Center",
            )];
        };
        let Some(token) = cache.active_token() else {
            return vec![
                Finding::cannot_tell("no token is cached for the active profile")
                    .explained_by("sso-token-present"),
            ];
        };
        let finding = judge(session, token, now, request).explained_by("bedrock-enabled");
        vec![unless_refreshed(finding, configuration, request)]
    }
}

fn judge(
    session: &SsoSession,
    token: &SsoToken,
    now: jiff::Timestamp,
    request: &Request,
) -> Finding {
    let profile = &session.profile;
    let login = session.login_command();
    let expired = |what: String| {
        Finding::fail("sso-session-expired", what)
            .why("no role credentials are handed out without it: every call fails before it reaches Bedrock")
            .fix_command("sign in again", login.clone())
    };
    if token.expires_at.is_none() && session.session.is_none() {
        // The old form of profile takes such a token as it is (seen, 2.1.330).
        return Finding::pass(format!(
            "the token for profile `{profile}` has no readable expiry; Claude Code uses it as it is"
        ))
        .evidence(Basis::Inferred, "the cache file");
    }
    if token.expires_at.is_none() && !session.renews(token) {
        return expired(format!(
            "the expiry of the token for profile `{profile}` is no date, so Claude Code takes it for expired (`{}`)",
            token.file
        ));
    }
    let left = token
        .expires_at
        .map_or(i64::MIN, |at| at.as_second() - now.as_second());
    let when = token
        .expires_at
        .map_or_else(|| "at no readable date".to_owned(), |at| relative(at, now));
    let is_used_above = if session.session.is_some() {
        RENEWAL_WINDOW
    } else {
        0
    };
    if left > is_used_above {
        let finding = Finding::pass(format!("the token for profile `{profile}` expires {when}"));
        return if session.renews(token) || left > SHORTLY {
            finding
        } else {
            Finding::warn(
                "sso-session-expired",
                format!("the token for profile `{profile}` expires {when} and cannot be renewed"),
            )
            .fix_command("sign in before it ends the session", login)
        };
    }
    let tense = if left > 0 { "expires" } else { "expired" };
    if let Some(refusal) = &token.renewal_refused {
        let words = refusal.words();
        return Finding::fail(
            "sso-refresh-token-rejected",
            format!("the token for profile `{profile}` expired {when}, and IAM Identity Center refuses to renew it: {words}"),
        )
        .why("Claude Code is refused in the same way: no role credentials are handed out")
        .evidence(Basis::Reported, words)
        .request_id(refusal.request_id.clone())
        .fix_command("sign in again", login);
    }
    if let Some(failure) = &token.renewal_failed {
        let words = failure.words();
        let finding = Finding {
            what: format!(
                "could not tell: the token for profile `{profile}` {tense} {when}, and the renewal failed: {words}"
            ),
            ..not_judged_here("the renewal", failure)
        };
        return finding.fix_command(sign_in_then_check(failure), login);
    }
    if session.renews(token) {
        let registration_ended = token
            .registration_expires_at
            .is_some_and(|registered| registered <= now);
        if left <= 0 && registration_ended {
            return expired(format!(
                "the token for profile `{profile}` expired {when}, and the client registration that could renew it has expired too"
            ));
        }
        let finding = Finding::warn(
            "sso-session-expired",
            format!("the token for profile `{profile}` {tense} {when}; Claude Code will renew it by itself"),
        )
        .evidence(Basis::Inferred, "the cache file has all that a renewal needs");
        let finding = renew(
            finding,
            "to be sure, renew it now, as Claude Code would",
            request,
        )
        .fix_command("or sign in again", login);
        return if left > 0 {
            finding
        } else {
            finding.why("this checkup renews nothing without --refresh, so it could not test what needs the token")
        };
    }
    if left > 0 {
        // The SDK for JavaScript takes less than 5 minutes for expired when it cannot renew (seen).
        return expired(format!(
            "the token for profile `{profile}` expires {when}, too soon for Claude Code, and cannot be renewed"
        ));
    }
    expired(format!(
        "the token for profile `{profile}` expired {when} and cannot be renewed"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Failure, FailureKind, Observed};
    use crate::finding::{Explanation, Status};
    use crate::sample::{healthy, in_seconds, only};

    const CHECK: Entry = Entry::of::<SsoTokenFresh>();

    fn with_token(left: i64, renewable: bool, registration_left: Option<i64>) -> Facts {
        let mut facts = healthy();
        facts.sso_cache = Observed::Known(SsoCache {
            path: "~/.aws/sso/cache".into(),
            active: Some(SsoSession {
                profile: "dev".into(),
                session: Some("acme".into()),
                start_url: "https://acme.awsapps.com/start".into(),
                region: "eu-west-1".into(),
                account_id: "123456789012".into(),
                role_name: "Dev".into(),
                cache_file: "a.json".into(),
            }),
            tokens: vec![SsoToken {
                file: "a.json".into(),
                expires_at: Some(in_seconds(left)),
                renewable,
                renewal_refused: None,
                renewal_failed: None,
                registration_expires_at: registration_left.map(in_seconds),
                start_url: None,
                region: None,
            }],
            problems: vec![],
        });
        facts
    }

    #[track_caller]
    fn check(
        left: i64,
        renewable: bool,
        registration_left: Option<i64>,
        status: Status,
    ) -> Finding {
        let code = (status != Status::Pass).then_some("sso-session-expired");
        only(
            &CHECK,
            &with_token(left, renewable, registration_left),
            status,
            code,
        )
    }

    #[test]
    fn passes_while_time_is_left() {
        check(7_200, false, None, Status::Pass);
        check(301, true, Some(86_400), Status::Pass);
    }

    #[test]
    fn warns_when_a_token_that_cannot_be_renewed_ends_soon() {
        check(1_800, false, None, Status::Warn);
        check(1_801, false, None, Status::Pass);
    }

    #[test]
    fn takes_five_minutes_for_expired_when_it_cannot_be_renewed() {
        check(300, false, None, Status::Fail);
    }

    #[test]
    fn the_old_form_of_profile_never_renews_and_uses_its_token_to_the_end() {
        for (left, status) in [
            (-60, Status::Fail),
            (0, Status::Fail),
            (1, Status::Warn),
            (300, Status::Warn),
        ] {
            let mut facts = with_token(left, true, None);
            if let Observed::Known(cache) = &mut facts.sso_cache {
                cache.active.as_mut().unwrap().session = None;
            }
            only(&CHECK, &facts, status, Some("sso-session-expired"));
        }
    }

    #[test]
    fn fails_at_the_very_second() {
        let finding = check(0, false, None, Status::Fail);
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws sso login --profile dev")
        );
    }

    #[test]
    fn warns_when_claude_code_renews_by_itself() {
        check(-3_600, true, Some(86_400), Status::Warn);
        check(-3_600, true, None, Status::Warn);
        check(200, true, Some(-1), Status::Warn);
    }

    #[test]
    fn fails_when_token_and_registration_have_expired() {
        check(-3_600, true, Some(-1), Status::Fail);
    }

    #[test]
    fn fails_when_aws_refused_to_renew() {
        let mut facts = with_token(-60, true, None);
        if let Observed::Known(cache) = &mut facts.sso_cache {
            let refusal = crate::sample::refusal("sso-oidc", 400, "InvalidGrantException", "No");
            cache.tokens[0].renewal_refused = Some(refusal);
        }
        let code = Some("sso-refresh-token-rejected");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn a_token_whose_expiry_is_no_date_is_judged_by_its_renewal() {
        let undated = |renewable, refusal| {
            let mut facts = with_token(-60, renewable, None);
            if let Observed::Known(cache) = &mut facts.sso_cache {
                cache.tokens[0].expires_at = None;
                cache.tokens[0].renewal_refused = refusal;
            }
            facts
        };
        let expired = Some("sso-session-expired");
        only(&CHECK, &undated(false, None), Status::Fail, expired);
        let finding = only(&CHECK, &undated(true, None), Status::Warn, expired);
        assert!(finding.what.contains("will renew it by itself"));
        let refusal = crate::sample::refusal("sso-oidc", 400, "InvalidGrantException", "No");
        let code = Some("sso-refresh-token-rejected");
        only(&CHECK, &undated(true, Some(refusal)), Status::Fail, code);
    }

    #[test]
    fn a_renewal_that_failed_is_not_advised_again() {
        for (kind, by_network) in [(FailureKind::Dns, true), (FailureKind::File, false)] {
            let mut facts = with_token(-60, true, None);
            if let Observed::Known(cache) = &mut facts.sso_cache {
                cache.tokens[0].renewal_failed = Some(Failure::new(kind, "no way"));
            }
            let finding = only(&CHECK, &facts, Status::CannotTell, None);
            assert!(finding.what.ends_with("and the renewal failed: no way"));
            assert!(!format!("{finding:?}").contains("--refresh"));
            let network = finding.explained_by.contains(&Explanation::Network);
            assert_eq!(network, by_network);
        }
    }

    #[test]
    fn the_renewal_that_is_advised_has_the_flags_of_this_run() {
        for (flags, command) in [
            (
                vec!["--profile dev"],
                Some("bedrock-doctor check --refresh --profile dev"),
            ),
            (vec!["--profile dev", "--env AWS_CONFIG_FILE=…"], None),
            (vec!["--settings with JSON"], None),
        ] {
            let mut facts = with_token(-60, true, None);
            facts.request.what_if = flags.into_iter().map(str::to_owned).collect();
            let finding = only(&CHECK, &facts, Status::Warn, Some("sso-session-expired"));
            assert_eq!(finding.fix[0].command.as_deref(), command);
            let names_flag = finding.fix[0]
                .text
                .contains("the same flags and `--refresh`");
            assert_eq!(names_flag, command.is_none());
        }
    }

    #[test]
    fn does_not_apply_to_profiles_without_identity_center() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(
            &CHECK,
            &Facts::at(crate::sample::now()),
            Status::CannotTell,
            None,
        );
    }

    #[test]
    fn a_command_of_claude_code_s_own_goes_first() {
        let mut facts = with_token(-60, false, None);
        let Observed::Known(configuration) = &mut facts.configuration else {
            panic!("no configuration");
        };
        let source = crate::facts::Source::environment("awsAuthRefresh");
        let command = crate::facts::HelperCommand {
            shown: "aws sso login".to_owned(),
        };
        configuration.aws_auth_refresh = Some(crate::facts::Value::new(command, source));
        let finding = only(&CHECK, &facts, Status::Fail, Some("sso-session-expired"));
        let why = finding.why.unwrap_or_default();
        assert!(why.contains("`awsAuthRefresh` (`aws sso login`)"), "{why}");
        let command = finding.fix[0].command.as_deref();
        assert_eq!(command, Some("bedrock-doctor check --refresh"));
        facts.request.refresh = true;
        let finding = only(&CHECK, &facts, Status::Fail, Some("sso-session-expired"));
        assert!(!finding.why.unwrap_or_default().contains("awsAuthRefresh"));
    }
}
