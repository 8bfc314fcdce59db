use super::short_key_id;
use crate::check::{Check, Family, Meta};
use crate::facts::{CredentialKind, Credentials};
use crate::finding::Finding;

/// See [`Meta::docs`].
pub(crate) struct SessionTokenPresent;

impl Check for SessionTokenPresent {
    const META: &'static Meta = &Meta {
        id: "session-token-present",
        family: Family::Credentials,
        title: "temporary keys come with their session token",
        file: file!(),
        docs: "
## What it looks at

Whether an access key id that begins with `ASIA` comes with a session token.

## Why it matters

Such keys are temporary, and AWS knows them only together with their session token. Without it AWS answers
\"The security token included in the request is invalid\", and Claude Code retries for about 250 s.

## How to fix it

Set `AWS_SESSION_TOKEN` with the keys, or `aws_session_token` in the profile.
",
    };

    type Needs<'a> = (&'a Credentials,);

    fn run((credentials,): Self::Needs<'_>) -> Vec<Finding> {
        let temporary = credentials
            .access_key_id
            .as_deref()
            .filter(|id| id.starts_with("ASIA"));
        let Some(id) = temporary else {
            return vec![Finding::not_applicable(
                "the keys in use are not temporary keys",
            )];
        };
        let id = short_key_id(id);
        if credentials.has_session_token {
            return vec![Finding::pass(format!(
                "the temporary key {id} has a session token"
            ))];
        }
        let words = credentials.kind.words();
        let finding = Finding::fail(
            "session-token-missing",
            format!("key {id} ({words}) begins with `ASIA`, so it is temporary, and it has no session token"),
        )
        .why("AWS answers \"The security token included in the request is invalid\" to every call")
        .explained_by("bedrock-enabled")
        // AWS's refusal is the same problem, seen later.
        .explained_by("credentials-accepted");
        vec![finding.fix(match (credentials.kind, &credentials.profile) {
            (CredentialKind::ProfileStatic, Some(profile)) => format!(
                "add `aws_session_token` to profile `{profile}`: the token that was handed out with the keys"
            ),
            (CredentialKind::CredentialProcess | CredentialKind::Export, _) => {
                "let the helper print `SessionToken` too".to_owned()
            }
            _ => "export AWS_SESSION_TOKEN too: the token that was handed out with the keys".to_owned(),
        })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::Facts;
    use crate::finding::Status;
    use crate::sample::{now, only, with_credentials};

    const CHECK: Entry = Entry::of::<SessionTokenPresent>();

    fn with_key(kind: CredentialKind, id: &str, token: bool) -> Facts {
        with_credentials(|it| {
            it.kind = kind;
            it.access_key_id = Some(id.into());
            it.has_session_token = token;
        })
    }

    #[test]
    fn fails_without_the_token() {
        for (kind, step) in [
            (
                CredentialKind::Environment,
                "export AWS_SESSION_TOKEN too: the token that was handed out with the keys",
            ),
            (
                CredentialKind::ProfileStatic,
                "add `aws_session_token` to profile `dev`: the token that was handed out with the keys",
            ),
            (
                CredentialKind::CredentialProcess,
                "let the helper print `SessionToken` too",
            ),
        ] {
            let facts = with_key(kind, "ASIAIOSFODNN7EXAMPLE", false);
            let finding = only(&CHECK, &facts, Status::Fail, Some("session-token-missing"));
            assert_eq!(finding.fix[0].text, step);
        }
    }

    #[test]
    fn shows_only_the_end_of_the_key_id() {
        let facts = with_key(CredentialKind::Environment, "ASIAIOSFODNN7EXAMPLE", false);
        let finding = only(&CHECK, &facts, Status::Fail, Some("session-token-missing"));
        assert!(
            finding
                .what
                .starts_with("key …MPLE (keys in the environment)")
        );
    }

    #[test]
    fn passes_with_the_token() {
        let facts = with_key(CredentialKind::Environment, "ASIAIOSFODNN7EXAMPLE", true);
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn does_not_apply_to_long_term_keys_or_without_keys() {
        let long_term = with_key(CredentialKind::Environment, "AKIAIOSFODNN7EXAMPLE", false);
        only(&CHECK, &long_term, Status::NotApplicable, None);
        let none = with_credentials(|it| it.access_key_id = None);
        only(&CHECK, &none, Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
