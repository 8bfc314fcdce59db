//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use crate::answer::{Answer, answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::claude_code::region::partition;
use crate::credentials::{made_elsewhere, use_region_of_key};
use crate::facts::{
    Absence, AllFacts, CallerIdentity, Configuration, CredentialKind, Credentials, Facts, Failure,
    InferenceProfiles, Invocation, Observed, Provider,
};
use crate::finding::{Basis, Finding};
use crate::network::{asked_only_here, aws_failures, listed_without_token};
use crate::probe::ProbeId;
use crate::signatures::Signature;
use crate::text::shell_word;

/// See [`Meta::docs`].
pub(crate) struct CredentialsAccepted;

impl Check for CredentialsAccepted {
    const META: &'static Meta = &Meta {
        id: "credentials-accepted",
        family: Family::Identity,
        title: "AWS accepts the credentials",
        file: file!(),
        docs: "
## What it looks at

Whether STS, Bedrock or the Bedrock runtime refused a call because of the credentials themselves:
expired, unknown, badly signed, a rejected API key. What a policy denies is not judged here.

## Why it matters

Claude Code repeats such a refusal for about 4 minutes without a word and then prints
`AWS authentication failed`, the same words as for a missing permission.

## How to fix it

Renew the credentials where they come from: `aws sso login`, `aws login`, new keys, a new API key,
the helper program. Keys in the environment are never renewed.
",
    };

    type Needs<'a> = (
        AllFacts<'a>,
        Seen<'a, Credentials>,
        Seen<'a, CallerIdentity>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Vec<Invocation>>,
    );

    fn run(
        (AllFacts(facts), Seen(credentials), Seen(identity), ..): Self::Needs<'_>,
    ) -> Vec<Finding> {
        vec![match (refusal(facts), identity) {
            (Some((failure, signature)), _) => {
                refused(failure, signature, credentials.known(), facts)
            }
            (None, Observed::Known(identity)) => Finding::pass(format!(
                "AWS takes you for `{}` in account {}",
                identity.arn, identity.account
            ))
            .evidence(Basis::Observed, "sts:GetCallerIdentity was answered"),
            (None, _) if bedrock_accepted(facts) => {
                let service = service(facts);
                Finding::pass(match credentials.known() {
                    Some(known) => {
                        format!("{service} accepts the credentials ({})", known.kind.words())
                    }
                    None => format!("{service} accepts the credentials"),
                })
            }
            (None, Observed::Failed(failure)) => {
                not_judged_here("`sts:GetCallerIdentity`", failure)
            }
            (None, Observed::NotCollected(why)) => not_asked(facts, why),
        }]
    }
}

/// The first refusal of the credentials: STS is asked first, then Bedrock, then its runtime.
fn refusal(facts: &Facts) -> Option<(&Failure, &'static Signature)> {
    signed_failures(facts).find_map(|(_, failure)| match answer(failure) {
        Answer::Authentication(signature) => Some((failure, signature)),
        _ => None,
    })
}

/// The failures of calls that carried the credentials, and that Claude Code's requests fare like.
fn signed_failures(facts: &Facts) -> impl Iterator<Item = (ProbeId, &Failure)> {
    let unsigned_list = listed_without_token(facts);
    aws_failures(facts)
        .into_iter()
        .filter(move |(probe, _)| match probe {
            ProbeId::Credentials => false,
            ProbeId::InferenceProfiles => !unsigned_list,
            // Mantle may look otherwise at the request for its list: where it takes those for answers, they count.
            ProbeId::MantleModels => !asked_only_here(facts, *probe),
            _ => true,
        })
}

/// The service that requests go to, in words.
fn service(facts: &Facts) -> &'static str {
    let provider = facts.configuration.known().map(|it| it.provider.value);
    let elsewhere = provider.filter(|provider| !provider.uses_bedrock());
    elsewhere.map_or("Bedrock", Provider::words)
}

/// Whether Bedrock, Mantle included, gave an answer that it gives only after it has accepted the credentials.
pub(super) fn bedrock_accepted(facts: &Facts) -> bool {
    let models = || facts.model_availability.known().into_iter().flatten();
    let invocations = facts.invocations.known().into_iter().flatten();
    let listed = facts.inference_profiles.known().is_some();
    listed && !listed_without_token(facts)
        || facts.mantle_models.known().is_some()
        || facts.use_case_form.known().is_some()
        || models()
            .any(|model| model.availability.known().is_some() || model.lifecycle.known().is_some())
        || invocations
            .into_iter()
            .any(|trial| trial.outcome.known().is_some())
        || signed_failures(facts).any(|(probe, failure)| {
            probe != ProbeId::CallerIdentity
                && matches!(
                    answer(failure),
                    Answer::Denied(..)
                        | Answer::ModelAccess(_)
                        | Answer::ModelId(_)
                        | Answer::BodyRefused(_)
                )
        })
}

/// An API key has no caller identity: then Bedrock's own answers say why nothing is known.
fn not_asked(facts: &Facts, why: &Absence) -> Finding {
    if service(facts) != "Bedrock" {
        return match (&facts.mantle_models, &facts.invocations) {
            (Observed::Failed(failure), _) | (_, Observed::Failed(failure)) => {
                not_judged_here(&format!("the call to {}", service(facts)), failure)
            }
            (_, Observed::NotCollected(why)) => not_collected(ProbeId::Invocations, why),
            _ => not_collected(ProbeId::CallerIdentity, why),
        };
    }
    match (&facts.inference_profiles, &facts.invocations) {
        (Observed::Failed(failure), _) if !listed_without_token(facts) => {
            not_judged_here("the call to Bedrock", failure)
        }
        (_, Observed::Failed(failure)) => not_judged_here("the call to Bedrock", failure),
        (Observed::NotCollected(why), _) => not_collected(ProbeId::InferenceProfiles, why),
        _ => not_collected(ProbeId::CallerIdentity, why),
    }
}

fn refused(
    failure: &Failure,
    signature: &Signature,
    credentials: Option<&Credentials>,
    facts: &Facts,
) -> Finding {
    let service = match failure.service.as_deref() {
        Some("sts") => "STS",
        Some("bedrock-runtime") => "the Bedrock runtime",
        Some("bedrock") => "Bedrock",
        Some("bedrock-mantle") => "Mantle",
        Some("aws-external-anthropic") => "Claude Platform on AWS",
        _ => "AWS",
    };
    let whose = credentials.map_or_else(|| "the credentials".to_owned(), whose);
    let cause = signature.cause.as_str();
    let meaning = match key_of_another_region(cause, credentials, facts) {
        Some((made_for, configuration)) => format!(
            "it was made for `{made_for}`, and Claude Code uses `{}`",
            configuration.region.value
        ),
        None => meaning(cause, failure),
    };
    let finding = Finding::fail(cause, format!("{service} does not accept {whose}: {meaning}"))
    .owner(signature.owner)
    .why("Claude Code tries for about 4 minutes without a word, then prints `AWS authentication failed`")
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone());
    // A signature is refused for its time in several ways.
    let finding = match cause {
        "clock-skew" | "wrong-secret-key" => finding.explained_by("clock-in-step"),
        "security-token-invalid" => finding.explained_by("partition-matches-region"),
        "missing-authentication-token" => finding.explained_by("variables-consistent"),
        "endpoint-region-vs-signing-region" => finding
            .explained_by("region-exists")
            .explained_by("endpoint-serves-bedrock"),
        _ => finding,
    };
    match credentials {
        Some(credentials) => remedy(finding, cause, credentials, facts),
        None => finding.fix("renew the credentials where they come from"),
    }
}

/// The Region of a refused API key, when it says itself that it is for another one.
fn key_of_another_region<'a>(
    cause: &str,
    credentials: Option<&'a Credentials>,
    facts: &'a Facts,
) -> Option<(&'a str, &'a Configuration)> {
    let key = credentials?.api_key.as_ref()?;
    let configuration = facts.configuration.known()?;
    let made_for = made_elsewhere(key, configuration)?;
    (cause == "bearer-wrong-region-or-invalid").then_some((made_for, configuration))
}

/// The credentials in a sentence: source, profile, the end of the access key id.
fn whose(credentials: &Credentials) -> String {
    match credentials.kind {
        // Only a key of Bedrock's tells something about itself.
        CredentialKind::ApiKey if credentials.api_key.is_none() => {
            return "the API key in `ANTHROPIC_AWS_API_KEY`".to_owned();
        }
        CredentialKind::ApiKey => return "the API key in `AWS_BEARER_TOKEN_BEDROCK`".to_owned(),
        CredentialKind::Unsigned => {
            return "requests without a signature (`CLAUDE_CODE_SKIP_BEDROCK_AUTH`)".to_owned();
        }
        _ => {}
    }
    let mut parts = vec![credentials.kind.words().to_owned()];
    if let Some(profile) = &credentials.profile {
        parts.push(format!("profile `{profile}`"));
    }
    let id = credentials.access_key_id.as_deref().unwrap_or_default();
    if let Some((at, _)) = id.char_indices().rev().nth(3) {
        parts.push(format!("key `…{}`", &id[at..]));
    }
    format!("the credentials ({})", parts.join(", "))
}

fn meaning(cause: &str, failure: &Failure) -> String {
    let words = match cause {
        "session-token-expired" => "they have expired",
        "security-token-invalid" => "it does not know the access key or session token",
        "wrong-secret-key" => {
            "the signature does not match, so the secret key is not the one of this access key"
        }
        "clock-skew" => "the time of the signature is too far from AWS's time",
        "bearer-expired" => "it has expired",
        "bearer-invalid-format" => "it is no Bedrock API key",
        "bearer-wrong-region-or-invalid" => {
            "it is not valid here: deleted, damaged, or made for another Region"
        }
        "endpoint-region-vs-signing-region" => {
            "the request is signed for another Region than the endpoint's"
        }
        "malformed-static-keys" | "authorization-header-not-signed" => {
            "the signature is malformed, as with blanks or quotes in a key"
        }
        "missing-authentication-token" | "authorization-header-missing" => {
            "the request came without credentials"
        }
        _ => return failure.words(),
    };
    words.to_owned()
}

fn remedy(finding: Finding, cause: &str, credentials: &Credentials, facts: &Facts) -> Finding {
    let configuration = facts.configuration.known();
    let region = configuration.map_or("", |configuration| configuration.region.value.as_str());
    let mut finding = finding;
    match cause {
        "sts-region-disabled" => {
            return finding
                .fix("have STS activated for the Region under Account settings of the IAM console")
                .fix_command(
                    "or use a Region where it is active",
                    "export AWS_REGION=us-east-1",
                );
        }
        "endpoint-region-vs-signing-region" => {
            return finding.fix(format!(
                "let `AWS_REGION` (now `{region}`) and the Region in the endpoint's name be the same"
            ));
        }
        "bearer-wrong-region-or-invalid" => {
            let elsewhere = key_of_another_region(cause, Some(credentials), facts);
            if let Some((made_for, configuration)) = elsewhere {
                finding = use_region_of_key(finding, made_for, configuration);
            }
        }
        "security-token-invalid" => {
            let id = credentials.access_key_id.as_deref().unwrap_or_default();
            if id.starts_with("ASIA") && !credentials.has_session_token {
                finding = finding.fix(
                    "the key is a temporary one (`ASIA…`) and came without its session token: set `AWS_SESSION_TOKEN` or `aws_session_token` too",
                );
            }
            if partition(region) != "aws" {
                finding = finding.fix(format!(
                    "`{region}` knows only keys of its own partition `{}`: see that they are from there",
                    partition(region)
                ));
            }
        }
        _ => {}
    }
    renewal(finding, credentials, facts)
}

/// How credentials of this kind are made anew.
fn renewal(finding: Finding, credentials: &Credentials, facts: &Facts) -> Finding {
    let profile = credentials
        .profile
        .as_deref()
        .filter(|profile| *profile != "default");
    let option = profile.map_or_else(String::new, |profile| {
        format!(" --profile {}", shell_word(profile))
    });
    let configuration = facts.configuration.known();
    match credentials.kind {
        CredentialKind::Sso => finding.fix_command("sign in again", format!("aws sso login{option}")),
        CredentialKind::Login => finding.fix_command("sign in again", format!("aws login{option}")),
        CredentialKind::Environment => {
            let place = configuration
                .and_then(|configuration| configuration.variable("AWS_ACCESS_KEY_ID"))
                .map_or_else(|| "the environment".to_owned(), |variable| variable.value.source.words());
            finding
                .fix(format!(
                    "get new keys and set `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` ({place}): nothing renews them"
                ))
                .fix_command(
                    "or remove them, so that Claude Code uses the profile",
                    "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
                )
        }
        CredentialKind::ProfileStatic => {
            let finding = finding.fix_command(
                "write new keys into the profile",
                format!("aws configure{option}"),
            );
            if credentials.has_session_token {
                finding.fix_command(
                    "and their session token, which `aws configure` leaves as it is",
                    format!("aws configure set aws_session_token TOKEN{option}"),
                )
            } else {
                finding
            }
        }
        CredentialKind::Export => {
            let shown = configuration.and_then(|configuration| configuration.aws_credential_export.as_ref());
            match shown {
                Some(helper) => finding.fix_command(
                    "run the helper of `awsCredentialExport` by hand: it prints credentials that AWS does not accept",
                    helper.value.shown.clone(),
                ),
                None => finding.fix("run the helper of `awsCredentialExport` by hand: it prints credentials that AWS does not accept"),
            }
        }
        CredentialKind::CredentialProcess => finding.fix_command(
            "renew what the `credential_process` of the profile hands out; this shows when it works",
            format!("aws sts get-caller-identity{option}"),
        ),
        CredentialKind::AssumeRole => finding.fix_command(
            "renew the credentials that the role is assumed with; this shows when it works",
            format!("aws sts get-caller-identity{option}"),
        ),
        CredentialKind::WebIdentity => finding.fix("have a new token written to the file that `AWS_WEB_IDENTITY_TOKEN_FILE` or the profile names"),
        CredentialKind::Container | CredentialKind::InstanceMetadata => {
            finding.fix("start the container or instance again with its role: such credentials are renewed by the platform")
        }
        CredentialKind::ApiKey if credentials.api_key.is_none() => {
            finding.fix("make a new API key of Claude Platform on AWS and set `ANTHROPIC_AWS_API_KEY` to it")
        }
        CredentialKind::ApiKey => finding.fix(format!(
            "make a new API key in the Bedrock console of Region `{}` and set `AWS_BEARER_TOKEN_BEDROCK` to it; a short-term key lives for 12 hours at most and only in its Region",
            configuration.map_or("…", |configuration| &configuration.region.value)
        )),
        CredentialKind::Unsigned => finding
            .fix("if a gateway signs the requests, see that `ANTHROPIC_BEDROCK_BASE_URL` names it and `ANTHROPIC_AUTH_TOKEN` holds what it wants")
            .fix_command("if there is no gateway, let Claude Code sign", "unset CLAUDE_CODE_SKIP_BEDROCK_AUTH"),
        CredentialKind::None => finding.fix("give Claude Code credentials: `bedrock-doctor check --format markdown` shows where it looks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{ApiKey, ApiKeyForm, FailureKind};
    use crate::finding::{Explanation, Owner, Status};
    use crate::sample::{
        body_refused, healthy, invoked, now, only, refusal, variable, with_credentials,
    };

    const CHECK: Entry = Entry::of::<CredentialsAccepted>();

    #[test]
    fn an_unsigned_list_says_nothing_of_the_token() {
        let mut facts = healthy();
        let absent = Absence::Offline;
        facts.caller_identity = Observed::NotCollected(absent);
        let code = "MissingAuthenticationTokenException";
        facts.inference_profiles = Observed::Failed(refusal(
            "bedrock",
            403,
            code,
            "Missing Authentication Token",
        ));
        only(
            &CHECK,
            &facts,
            Status::Fail,
            Some("missing-authentication-token"),
        );
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.skip_auth = true;
            let token = variable("ANTHROPIC_AUTH_TOKEN", "token");
            configuration.variables.push(token);
        }
        let finding = only(&CHECK, &facts, Status::Pass, None);
        assert!(finding.what.contains("Bedrock accepts"), "{}", finding.what);
    }

    fn expired(service: &str) -> Failure {
        refusal(
            service,
            403,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )
    }

    fn with_kind(kind: CredentialKind, failure: Failure) -> Facts {
        let mut facts = with_credentials(|credentials| credentials.kind = kind);
        facts.caller_identity = Observed::Failed(failure);
        facts
    }

    fn with_api_key(outcome: Failure) -> Facts {
        let mut facts = invoked(&Observed::Failed(outcome.clone()));
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.kind = CredentialKind::ApiKey;
        }
        let because = "an API key has no caller identity".to_owned();
        facts.caller_identity = Observed::NotCollected(Absence::DoesNotApply { because });
        facts.inference_profiles = Observed::Failed(outcome.clone());
        facts.model_availability = Observed::Failed(outcome.clone());
        facts.use_case_form = Observed::Failed(outcome);
        facts
    }

    #[test]
    fn passes_with_account_and_arn() {
        let finding = only(&CHECK, &healthy(), Status::Pass, None);
        assert_eq!(
            finding.what,
            "AWS takes you for `arn:aws:iam::123456789012:user/alice` in account 123456789012"
        );
    }

    #[test]
    fn every_refusal_has_its_cause() {
        for (code, message, cause) in [
            (
                "ExpiredToken",
                "The security token included in the request is expired",
                "session-token-expired",
            ),
            (
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
                "security-token-invalid",
            ),
            (
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
                "wrong-secret-key",
            ),
            (
                "MissingAuthenticationToken",
                "Request is missing a token",
                "missing-authentication-token",
            ),
        ] {
            let facts = with_kind(
                CredentialKind::ProfileStatic,
                refusal("sts", 403, code, message),
            );
            let finding = only(&CHECK, &facts, Status::Fail, Some(cause));
            assert_eq!(finding.owner, Owner::You);
            assert_eq!(finding.evidence.detail, format!("{code}: {message}"));
            assert_eq!(finding.request_id.as_deref(), Some("req-1"));
        }
    }

    #[test]
    fn the_fix_depends_on_the_source() {
        for (kind, command) in [
            (CredentialKind::Sso, Some("aws sso login --profile dev")),
            (CredentialKind::Login, Some("aws login --profile dev")),
            (
                CredentialKind::ProfileStatic,
                Some("aws configure --profile dev"),
            ),
            (
                CredentialKind::AssumeRole,
                Some("aws sts get-caller-identity --profile dev"),
            ),
            (CredentialKind::Environment, None),
            (CredentialKind::WebIdentity, None),
            (CredentialKind::ApiKey, None),
        ] {
            let finding = only(
                &CHECK,
                &with_kind(kind, expired("sts")),
                Status::Fail,
                Some("session-token-expired"),
            );
            assert_eq!(finding.fix[0].command.as_deref(), command, "{kind:?}");
        }
    }

    #[test]
    fn a_temporary_key_without_its_token_is_named() {
        let message = "The security token included in the request is invalid.";
        let mut facts = with_kind(
            CredentialKind::ProfileStatic,
            refusal("sts", 403, "InvalidClientTokenId", message),
        );
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.access_key_id = Some("ASIAIOSFODNN7EXAMPLE".into());
        }
        let finding = only(&CHECK, &facts, Status::Fail, Some("security-token-invalid"));
        assert!(finding.what.contains("key `…MPLE`"), "{finding:#?}");
        assert!(
            finding.fix[0].text.contains("AWS_SESSION_TOKEN"),
            "{finding:#?}"
        );
    }

    #[test]
    fn one_finding_although_every_service_refuses() {
        let mut facts = with_kind(CredentialKind::Sso, expired("sts"));
        facts.inference_profiles = Observed::Failed(refusal(
            "bedrock",
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ));
        only(&CHECK, &facts, Status::Fail, Some("session-token-expired"));
    }

    #[test]
    fn bedrock_may_refuse_what_sts_accepts() {
        let finding = only(
            &CHECK,
            &invoked(&Observed::Failed(expired("bedrock-runtime"))),
            Status::Fail,
            Some("session-token-expired"),
        );
        assert!(
            finding
                .what
                .starts_with("the Bedrock runtime does not accept")
        );
    }

    #[test]
    fn a_wrong_clock_explains_a_refusal() {
        let message = "Signature expired: 20221103T080139Z is now earlier than 20221103T085247Z";
        let facts = with_kind(
            CredentialKind::ProfileStatic,
            refusal("sts", 403, "SignatureDoesNotMatch", message),
        );
        let finding = only(&CHECK, &facts, Status::Fail, Some("clock-skew"));
        assert_eq!(finding.explained_by, [Explanation::Check("clock-in-step")]);
    }

    #[test]
    fn an_api_key_is_accepted_when_bedrock_answers() {
        only(&CHECK, &with_api_key(body_refused()), Status::Pass, None);
    }

    #[test]
    fn an_unknown_error_is_no_acceptance() {
        let unknown = refusal("bedrock", 400, "StrangeException", "who knows");
        only(&CHECK, &with_api_key(unknown), Status::CannotTell, None);
    }

    #[test]
    fn another_partition_explains_unknown_keys_and_skip_auth_unsigned_requests() {
        for (code, message, cause, check) in [
            (
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
                "security-token-invalid",
                "partition-matches-region",
            ),
            (
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
                "missing-authentication-token",
                "variables-consistent",
            ),
        ] {
            let facts = with_kind(
                CredentialKind::ProfileStatic,
                refusal("sts", 403, code, message),
            );
            let finding = only(&CHECK, &facts, Status::Fail, Some(cause));
            assert_eq!(finding.explained_by, [Explanation::Check(check)]);
        }
    }

    #[test]
    fn an_api_key_of_another_region_is_used_there() {
        let words = "Authentication failed: Please make sure your API Key is valid.";
        let mut facts = with_api_key(refusal("bedrock", 403, "AccessDeniedException", words));
        if let Observed::Known(credentials) = &mut facts.credentials {
            credentials.api_key = Some(ApiKey {
                form: ApiKeyForm::ShortTerm,
                region: Some("eu-west-1".into()),
                expires_at: None,
            });
        }
        let code = Some("bearer-wrong-region-or-invalid");
        let finding = only(&CHECK, &facts, Status::Fail, code);
        assert!(
            finding
                .what
                .ends_with("it was made for `eu-west-1`, and Claude Code uses `us-east-1`")
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=eu-west-1")
        );
    }

    #[test]
    fn an_expired_api_key_is_refused() {
        let failure = refusal(
            "bedrock",
            403,
            "AccessDeniedException",
            "Bearer Token has expired",
        );
        only(
            &CHECK,
            &with_api_key(failure),
            Status::Fail,
            Some("bearer-expired"),
        );
    }

    #[test]
    fn bedrock_outweighs_an_sts_that_is_denied_or_out_of_reach() {
        let denied = refusal(
            "sts",
            403,
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: sts:GetCallerIdentity because no VPC endpoint policy allows the sts:GetCallerIdentity action",
        );
        for failure in [
            denied,
            Failure::new(FailureKind::TimedOut, "timed out after 5 s"),
        ] {
            let mut facts = healthy();
            facts.caller_identity = Observed::Failed(failure.clone());
            only(&CHECK, &facts, Status::Pass, None);
            let mut alone = Facts::at(now());
            alone.caller_identity = Observed::Failed(failure);
            only(&CHECK, &alone, Status::CannotTell, None);
        }
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = Facts::at(now());
        facts.caller_identity = Observed::NotCollected(Absence::Offline);
        facts.inference_profiles = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
