use crate::check::{Check, Family, Meta, Seen, absent};
use crate::facts::{CallerIdentity, CredentialKind, Credentials, Observed, Request};
use crate::finding::Finding;
use crate::probe::ProbeId;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct AccountExpected;

impl Check for AccountExpected {
    const META: &'static Meta = &Meta {
        id: "account-expected",
        family: Family::Identity,
        title: "the credentials belong to the expected account",
        file: file!(),
        docs: "
## What it looks at

The account that STS names for the credentials, against `--account` and against the account that an
IAM Identity Center profile names.

## Why it matters

Access to models is granted per account. With credentials of another account, as from a forgotten
`[default]` profile, everything looks granted in the console and is refused in Claude Code.

## How to fix it

Set `AWS_PROFILE` to a profile of the account that has access.
",
    };

    type Needs<'a> = (&'a Request, Seen<'a, CallerIdentity>, Seen<'a, Credentials>);

    fn run((request, Seen(identity), Seen(credentials)): Self::Needs<'_>) -> Vec<Finding> {
        let credentials = credentials.known();
        // A role on top of Identity Center may live in another account, on purpose.
        let configured = credentials
            .filter(|credentials| credentials.kind == CredentialKind::Sso)
            .and_then(|credentials| credentials.configured_account.as_ref());
        let (expected, by): (&[String], &str) = match configured {
            _ if !request.accounts.is_empty() => (&request.accounts, "by `--account`"),
            Some(configured) => (
                std::slice::from_ref(configured),
                "by the Identity Center profile",
            ),
            None => {
                return vec![match (identity, credentials) {
                    (Observed::Known(identity), _) => Finding::not_applicable(format!(
                        "no account is expected; the credentials belong to {} (`--account` compares)",
                        identity.account
                    )),
                    // Nothing depends on which account it is.
                    (Observed::Failed(_), Some(_)) => {
                        Finding::not_applicable("no account is expected (`--account` compares)")
                    }
                    _ => absent(ProbeId::CallerIdentity, identity),
                }];
            }
        };
        let Observed::Known(identity) = identity else {
            return vec![absent(ProbeId::CallerIdentity, identity)];
        };
        let account = &identity.account;
        vec![if expected.contains(account) {
            Finding::pass(format!(
                "the credentials belong to account {account}, as expected {by}"
            ))
        } else {
            let profile = credentials.and_then(|credentials| credentials.profile.as_deref());
            wrong(account, &list(expected), by, profile, &identity.arn)
        }]
    }
}

fn wrong(account: &str, expected: &str, by: &str, profile: Option<&str>, arn: &str) -> Finding {
    let from = profile.map_or_else(String::new, |profile| format!(" (profile `{profile}`)"));
    Finding::fail(
        "wrong-account-default-profile",
        format!("the credentials{from} belong to account {account} as `{arn}`, not to {expected}, expected {by}"),
    )
    .why("access to models is granted per account: what works in the other account may be refused in this one")
    .fix_command(
        format!("set `AWS_PROFILE` to a profile of account {expected}; these exist"),
        "aws configure list-profiles",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Failure, FailureKind};
    use crate::finding::Status;
    use crate::sample::{healthy, now, only, with_credentials};

    const CHECK: Entry = Entry::of::<AccountExpected>();
    const WRONG: Option<&str> = Some("wrong-account-default-profile");

    fn expecting(accounts: &[&str]) -> Facts {
        let mut facts = healthy();
        facts.request.accounts = accounts
            .iter()
            .map(|account| (*account).to_owned())
            .collect();
        facts
    }

    fn with_profile_of(account: &str, kind: CredentialKind) -> Facts {
        with_credentials(|credentials| {
            credentials.kind = kind;
            credentials.configured_account = Some(account.into());
        })
    }

    #[test]
    fn does_not_apply_when_no_account_is_expected() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn an_unknown_account_matters_only_when_one_is_expected() {
        for (accounts, status) in [
            (&[][..], Status::NotApplicable),
            (&["111111111111"][..], Status::CannotTell),
        ] {
            let mut facts = expecting(accounts);
            let refusal = Failure::new(FailureKind::Service, "not authorized");
            facts.caller_identity = Observed::Failed(refusal);
            only(&CHECK, &facts, status, None);
        }
    }

    #[test]
    fn passes_when_it_is_one_of_those_expected() {
        only(
            &CHECK,
            &expecting(&["111111111111", "123456789012"]),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn fails_and_names_both_accounts() {
        let finding = only(&CHECK, &expecting(&["111111111111"]), Status::Fail, WRONG);
        for account in ["111111111111", "123456789012"] {
            assert!(finding.what.contains(account), "{finding:#?}");
        }
    }

    #[test]
    fn an_identity_center_profile_names_an_account_too() {
        only(
            &CHECK,
            &with_profile_of("123456789012", CredentialKind::Sso),
            Status::Pass,
            None,
        );
        only(
            &CHECK,
            &with_profile_of("111111111111", CredentialKind::Sso),
            Status::Fail,
            WRONG,
        );
    }

    #[test]
    fn a_role_on_top_may_live_elsewhere() {
        let facts = with_profile_of("111111111111", CredentialKind::AssumeRole);
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_without_an_identity() {
        let mut facts = expecting(&["111111111111"]);
        facts.caller_identity = Observed::default();
        only(&CHECK, &facts, Status::CannotTell, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
