use super::unless_refreshed;
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{Configuration, Machine, Request, SsoCache, SsoSession};
use crate::finding::Finding;

/// See [`Meta::docs`].
pub(crate) struct SsoTokenPresent;

impl Check for SsoTokenPresent {
    const META: &'static Meta = &Meta {
        id: "sso-token-present",
        family: Family::Sso,
        title: "a sign-in to IAM Identity Center is cached",
        file: file!(),
        docs: "
## What it looks at

Whether `~/.aws/sso/cache/` has the token of the active profile. Its file name is made from the name of the
`[sso-session …]` section, or from the start URL in the old form of profile.

## Why it matters

Claude Code looks for that one file name. A sign-in through another profile form, another session name or
another home folder leaves a token that Claude Code does not find.

## How to fix it

Run `aws sso login` for the profile that Claude Code uses. Where no browser can be opened, add
`--use-device-code --no-browser`.
",
    };

    type Needs<'a> = (
        &'a Request,
        &'a SsoCache,
        Seen<'a, Machine>,
        Seen<'a, Configuration>,
    );

    fn run((request, cache, Seen(machine), Seen(configuration)): Self::Needs<'_>) -> Vec<Finding> {
        let Some(session) = &cache.active else {
            return vec![Finding::not_applicable(
                "the active profile does not use IAM Identity Center",
            )];
        };
        if cache.active_token().is_some() {
            let file = &session.cache_file;
            return vec![Finding::pass(format!(
                "the token of profile `{}` is cached (`{file}`)",
                session.profile
            ))];
        }
        let no_browser = machine
            .known()
            .is_some_and(|machine| machine.ssh || machine.wsl || machine.container);
        let finding = missing(cache, session, no_browser);
        vec![unless_refreshed(finding, configuration, request)]
    }
}

fn missing(cache: &SsoCache, session: &SsoSession, no_browser: bool) -> Finding {
    let SsoSession {
        profile,
        cache_file,
        ..
    } = session;
    let path = format!("{}/{cache_file}", cache.path);
    let (code, what) = if let Some(problem) = cache
        .problems
        .iter()
        .find(|problem| is_file(&problem.file, cache_file))
    {
        (
            "sso-token-unreadable",
            format!(
                "the token of profile `{profile}` cannot be used: {path}: {}",
                problem.problem
            ),
        )
    } else if let Some(other) = cache.tokens.iter().find(|token| {
        let start_url = token.start_url.as_deref();
        start_url.is_some_and(|url| same_portal(url, &session.start_url))
    }) {
        let made_from = match &session.session {
            Some(name) => format!("the session name `{name}`"),
            None => "the start URL in the profile".to_owned(),
        };
        (
            "sso-token-under-other-name",
            format!(
                "no token at {path}, the name made from {made_from}; `{}` holds a token for the same portal, saved for another session name or form of profile",
                other.file
            ),
        )
    } else {
        (
            "sso-token-missing",
            format!("no token for profile `{profile}`: {path} does not exist"),
        )
    };
    let finding = Finding::fail(code, what)
        .why("no role credentials are handed out without it: every call fails before it reaches Bedrock")
        .explained_by("bedrock-enabled");
    let login = session.login_command();
    if no_browser {
        let command = format!("{login} --use-device-code --no-browser");
        finding.fix_command("sign in; where no browser opens, with a code", command)
    } else {
        finding.fix_command("sign in", login)
    }
}

/// Whether the path or name is that of the file.
fn is_file(path: &str, name: &str) -> bool {
    path.rsplit(['/', '\\']).next() == Some(name)
}

/// Start URLs differ in a closing `/` or `#/` only.
fn same_portal(a: &str, b: &str) -> bool {
    let bare = |url: &str| url.trim().trim_end_matches(['/', '#']).to_lowercase();
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, FileProblem, Observed, SsoToken};
    use crate::finding::Status;
    use crate::sample::{healthy, now, only};

    const CHECK: Entry = Entry::of::<SsoTokenPresent>();

    fn token(file: &str, start_url: Option<&str>) -> SsoToken {
        SsoToken {
            file: file.into(),
            expires_at: None,
            renewable: false,
            renewal_refused: None,
            renewal_failed: None,
            registration_expires_at: None,
            start_url: start_url.map(str::to_owned),
            region: None,
        }
    }

    fn with_cache(tokens: Vec<SsoToken>, problems: Vec<FileProblem>) -> Facts {
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
            tokens,
            problems,
        });
        facts
    }

    #[test]
    fn passes_when_the_token_has_the_right_name() {
        only(
            &CHECK,
            &with_cache(vec![token("a.json", None)], vec![]),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn fails_with_the_expected_file_name() {
        let other = token("b.json", Some("https://other.awsapps.com/start"));
        for tokens in [vec![], vec![other], vec![token("c.json", None)]] {
            let finding = only(
                &CHECK,
                &with_cache(tokens, vec![]),
                Status::Fail,
                Some("sso-token-missing"),
            );
            assert_eq!(
                finding.what,
                "no token for profile `dev`: ~/.aws/sso/cache/a.json does not exist"
            );
            assert_eq!(
                finding.fix[0].command.as_deref(),
                Some("aws sso login --profile dev")
            );
        }
    }

    #[test]
    fn sees_a_token_for_the_same_portal_under_another_name() {
        for url in [
            "https://acme.awsapps.com/start",
            "https://acme.awsapps.com/start/#/",
        ] {
            let facts = with_cache(vec![token("b.json", Some(url))], vec![]);
            let finding = only(
                &CHECK,
                &facts,
                Status::Fail,
                Some("sso-token-under-other-name"),
            );
            assert!(
                finding
                    .what
                    .contains("`b.json` holds a token for the same portal")
            );
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_not_missing() {
        let problem = FileProblem {
            file: "~/.aws/sso/cache/a.json".into(),
            problem: "no JSON".into(),
        };
        let finding = only(
            &CHECK,
            &with_cache(vec![], vec![problem]),
            Status::Fail,
            Some("sso-token-unreadable"),
        );
        assert!(finding.what.ends_with("~/.aws/sso/cache/a.json: no JSON"));
    }

    #[test]
    fn a_broken_file_of_another_session_is_none_of_its_business() {
        let problem = FileProblem {
            file: "aa.json".into(),
            problem: "no JSON".into(),
        };
        let facts = with_cache(vec![], vec![problem]);
        only(&CHECK, &facts, Status::Fail, Some("sso-token-missing"));
    }

    #[test]
    fn signs_in_with_a_code_where_no_browser_opens() {
        let mut facts = with_cache(vec![], vec![]);
        if let Observed::Known(machine) = &mut facts.machine {
            machine.ssh = true;
        }
        let finding = only(&CHECK, &facts, Status::Fail, Some("sso-token-missing"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("aws sso login --profile dev --use-device-code --no-browser")
        );
    }

    #[test]
    fn does_not_apply_to_profiles_without_identity_center() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
