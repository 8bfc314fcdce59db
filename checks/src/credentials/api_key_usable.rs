use jiff::Timestamp;

use super::{made_elsewhere, use_region_of_key};
use crate::check::{Check, Family, Meta};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::facts::{
    ApiKey, ApiKeyForm, Configuration, CredentialKind, Credentials, Now, Provider, SecretShape,
    Shown,
};
use crate::finding::{Basis, Finding};
use crate::text::relative;

/// See [`Meta::docs`].
pub(crate) struct ApiKeyUsable;

/// Less than this many seconds are worth a warning: Claude Code cannot renew an API key.
const SHORTLY: i64 = 1_800;

impl Check for ApiKeyUsable {
    const META: &'static Meta = &Meta {
        id: "api-key-usable",
        family: Family::Credentials,
        title: "the Bedrock API key fits the Region and has not expired",
        file: file!(),
        docs: "
## What it looks at

The key in `AWS_BEARER_TOKEN_BEDROCK`: its form, and for a short-term key the Region and the expiry that are
written inside it. The key itself is never shown.

## Why it matters

A key in `AWS_BEARER_TOKEN_BEDROCK` beats every other source of credentials. Short-term keys
(`bedrock-api-key-…`) work in one Region for at most 12 hours, and Claude Code cannot renew them. A Bedrock
API key tells no identity: STS cannot be asked with it, so neither account nor role can be shown.

## How to fix it

Generate a new key in the Region that is used, set `AWS_REGION` to the key's Region, or unset
`AWS_BEARER_TOKEN_BEDROCK` to use other credentials.
",
    };

    type Needs<'a> = (Now, &'a Credentials, &'a Configuration);

    fn run((Now(now), credentials, configuration): Self::Needs<'_>) -> Vec<Finding> {
        let key = match (credentials.kind, &credentials.api_key) {
            (CredentialKind::ApiKey, Some(key)) => key,
            (CredentialKind::ApiKey, None)
                if configuration.provider.value == Provider::AnthropicAws =>
            {
                return vec![Finding::not_applicable(
                    "a key of Claude Platform on AWS tells nothing about itself",
                )];
            }
            (CredentialKind::ApiKey, None) => {
                return vec![Finding::cannot_tell("the form of the API key is not known")];
            }
            _ => return vec![Finding::not_applicable("no Bedrock API key is used")],
        };
        vec![judge(key, configuration, now)]
    }
}

fn judge(key: &ApiKey, configuration: &Configuration, now: Timestamp) -> Finding {
    if key.form == ApiKeyForm::Unknown {
        let host = host_of(&configuration.runtime.endpoint.value);
        if !is_of_aws(&host) {
            return Finding::not_applicable(format!(
                "the key in AWS_BEARER_TOKEN_BEDROCK goes to `{host}`, which may have keys of its own"
            ));
        }
        return invalid_form(configuration);
    }
    let left = key
        .expires_at
        .map(|at| (at, at.as_second() - now.as_second()));
    if let Some((at, left)) = left
        && left <= 0
    {
        return renew(fail(
            "bearer-expired",
            format!("the Bedrock API key expired {}", relative(at, now)),
        ));
    }
    if let Some(made_for) = made_elsewhere(key, configuration) {
        return other_region(made_for, configuration);
    }
    let no_identity = "it tells no identity: STS cannot be asked with an API key";
    let Some((at, left)) = left else {
        let expiry = match key.form {
            ApiKeyForm::LongTerm => "its expiry is set in IAM and not known here",
            ApiKeyForm::ShortTerm | ApiKeyForm::Unknown => "its expiry could not be read",
        };
        return Finding::pass(format!(
            "the Bedrock API key has the right form; {expiry}; {no_identity}"
        ));
    };
    let until = relative(at, now);
    if left < SHORTLY {
        let what = format!("the Bedrock API key expires {until}; {no_identity}");
        return renew(Finding::warn("bearer-expired", what));
    }
    Finding::pass(format!(
        "the Bedrock API key expires {until} at the latest; {no_identity}"
    ))
}

fn fail(code: &str, what: String) -> Finding {
    Finding::fail(code, what)
        .why("it beats every other source of credentials, and AWS refuses it")
        .evidence(Basis::Inferred, "read from the key itself")
        .explained_by("bedrock-enabled")
        // AWS's refusal is the same problem, seen later.
        .explained_by("credentials-accepted")
}

fn renew(finding: Finding) -> Finding {
    finding
        .fix("generate a new API key in the Amazon Bedrock console and set AWS_BEARER_TOKEN_BEDROCK to it")
        .fix_command("or use other credentials", "unset AWS_BEARER_TOKEN_BEDROCK")
}

fn invalid_form(configuration: &Configuration) -> Finding {
    let variable = configuration.variable("AWS_BEARER_TOKEN_BEDROCK");
    let shape = variable.and_then(|variable| match variable.value.value {
        Shown::Secret(SecretShape::Quoted) => Some("; it has quotes around it"),
        Shown::Secret(SecretShape::StrangeCharacters) => {
            Some("; it has characters that no key has")
        }
        _ => None,
    });
    let place = variable.map_or_else(
        || "AWS_BEARER_TOKEN_BEDROCK".to_owned(),
        |variable| variable.value.source.words(),
    );
    fail(
        "bearer-invalid-format",
        format!(
            "{place} holds no Bedrock API key: it begins neither with `bedrock-api-key-` nor with `ABSK`{}",
            shape.unwrap_or_default()
        ),
    )
    .fix("set AWS_BEARER_TOKEN_BEDROCK to a key from the Amazon Bedrock console; keys of Anthropic or of a gateway do not work there")
    .fix_command("or use other credentials", "unset AWS_BEARER_TOKEN_BEDROCK")
}

fn other_region(made_for: &str, configuration: &Configuration) -> Finding {
    let region = &configuration.region;
    let source = region.source.words();
    let finding = fail(
        "bearer-wrong-region-or-invalid",
        format!(
            "the Bedrock API key was made for `{made_for}`, and Claude Code uses `{}` ({source})",
            region.value
        ),
    );
    use_region_of_key(finding, made_for, configuration)
        .fix(format!("or generate a key in `{}`", region.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Observed, Variable};
    use crate::finding::Status;
    use crate::sample::{
        from_settings, from_shell, healthy, in_seconds, now, only, with_credentials,
    };

    const CHECK: Entry = Entry::of::<ApiKeyUsable>();

    fn with_key(form: ApiKeyForm, region: Option<&str>, left: Option<i64>) -> Facts {
        with_credentials(|it| {
            it.kind = CredentialKind::ApiKey;
            it.api_key = Some(ApiKey {
                form,
                region: region.map(str::to_owned),
                expires_at: left.map(in_seconds),
            });
        })
    }

    #[test]
    fn table() {
        use ApiKeyForm::{LongTerm, ShortTerm, Unknown};
        let here = Some("us-east-1");
        let there = Some("eu-west-1");
        for (form, region, left, status, code) in [
            (LongTerm, None, None, Status::Pass, None),
            (ShortTerm, here, Some(43_200), Status::Pass, None),
            (ShortTerm, here, Some(1_800), Status::Pass, None),
            (
                ShortTerm,
                here,
                Some(1_799),
                Status::Warn,
                Some("bearer-expired"),
            ),
            (
                ShortTerm,
                here,
                Some(1),
                Status::Warn,
                Some("bearer-expired"),
            ),
            (
                ShortTerm,
                here,
                Some(0),
                Status::Fail,
                Some("bearer-expired"),
            ),
            (
                ShortTerm,
                there,
                Some(-1),
                Status::Fail,
                Some("bearer-expired"),
            ),
            (
                ShortTerm,
                there,
                Some(43_200),
                Status::Fail,
                Some("bearer-wrong-region-or-invalid"),
            ),
            (ShortTerm, None, None, Status::Pass, None),
            (
                Unknown,
                None,
                None,
                Status::Fail,
                Some("bearer-invalid-format"),
            ),
        ] {
            only(&CHECK, &with_key(form, region, left), status, code);
        }
    }

    #[test]
    fn a_gateway_may_have_keys_of_its_own() {
        let mut facts = with_key(ApiKeyForm::Unknown, None, None);
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.runtime.endpoint = from_shell(
                "ANTHROPIC_BEDROCK_BASE_URL",
                "https://llm.example.com/v1".into(),
            );
        }
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn says_until_when_it_lasts_and_that_there_is_no_identity() {
        let facts = with_key(ApiKeyForm::ShortTerm, Some("us-east-1"), Some(7_200));
        assert_eq!(
            only(&CHECK, &facts, Status::Pass, None).what,
            "the Bedrock API key expires in 2 h (2026-11-22 20:00 UTC) at the latest; it tells no identity: STS cannot be asked with an API key"
        );
    }

    #[test]
    fn names_both_regions_and_where_the_wrong_one_stands() {
        let code = Some("bearer-wrong-region-or-invalid");
        let mut facts = with_key(ApiKeyForm::ShortTerm, Some("eu-west-1"), None);
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(
            finding.what,
            "the Bedrock API key was made for `eu-west-1`, and Claude Code uses `us-east-1` (`AWS_REGION` in the environment)"
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=eu-west-1")
        );
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.region = from_settings("AWS_REGION", 5, "us-east-1".into());
        }
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert_eq!(
            finding.fix[0].text,
            "use `eu-west-1`, the Region of the key, in `AWS_REGION` in ~/.claude/settings.json:5"
        );
    }

    #[test]
    fn says_when_there_are_quotes_around_the_key() {
        let mut facts = with_key(ApiKeyForm::Unknown, None, None);
        if let Observed::Known(configuration) = &mut facts.configuration {
            let name = "AWS_BEARER_TOKEN_BEDROCK";
            configuration.variables.push(Variable {
                name: name.into(),
                value: from_shell(name, Shown::Secret(SecretShape::Quoted)),
            });
        }
        let finding = only(&CHECK, &facts, Status::Fail, Some("bearer-invalid-format"));
        assert!(
            finding.what.ends_with("; it has quotes around it"),
            "{}",
            finding.what
        );
    }

    #[test]
    fn does_not_apply_without_an_api_key() {
        only(&CHECK, &healthy(), Status::NotApplicable, None);
    }

    #[test]
    fn cannot_tell_when_the_key_or_the_facts_are_missing() {
        let unread = with_credentials(|it| it.kind = CredentialKind::ApiKey);
        only(&CHECK, &unread, Status::CannotTell, None);
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
