//! See [`Meta::docs`]. Longer than 400 lines with its tests, which stand beside what they test.

use super::{Trial, named, per_model};
use crate::answer::Answer;
use crate::check::{Check, Family, Meta, Seen};
use crate::claude_code::headers::NO_NAME;
use crate::facts::{
    Configuration, Failure, Header, Invocation, Observed, Provider, Source, SourceKind,
};
use crate::finding::{Basis, Finding, Owner};
use crate::signatures::{AwsErrorText, Kind, Signature, classify};
use crate::text::{list, shell_word};

/// See [`Meta::docs`].
pub(crate) struct RequestFormAccepted;

const SERVICE_TIER: &str = "X-Amzn-Bedrock-Service-Tier";
const GUARDRAIL: &str = "X-Amzn-Bedrock-GuardrailIdentifier";
const WORKSPACE: &str = "ANTHROPIC_AWS_WORKSPACE_ID";

impl Check for RequestFormAccepted {
    const META: &'static Meta = &Meta {
        id: "request-form-accepted",
        family: Family::Models,
        title: "the form of Claude Code's requests is accepted",
        file: file!(),
        docs: "
## What it looks at

With `--invoke`, whether a request with the betas, members and header fields that the installed version of
Claude Code sends is accepted for each model in use.
Without it only the header fields are tried: guardrail, service tier, `ANTHROPIC_CUSTOM_HEADERS`.
Which betas and members go with a model was recorded with several versions; where it was not, nothing is said.

## Why it matters

A beta or a member that Bedrock, or a gateway in between, does not know makes every request fail with
`API Error: 400`, although credentials, policies and models are good.

## How to fix it

`CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1` leaves out what is new; a newer version of Claude Code often sends
what the model takes.
A guardrail or service tier that is refused is corrected in the variable that sets it.
",
    };

    type Needs<'a> = (Seen<'a, Vec<Invocation>>, &'a Configuration);

    fn run((Seen(trials), configuration): Self::Needs<'_>) -> Vec<Finding> {
        let nameless = configuration
            .headers
            .iter()
            .find(|header| header.name == NO_NAME);
        if let Some(header) = nameless {
            return vec![unsendable(header)];
        }
        let platform = configuration.provider.value == Provider::AnthropicAws;
        if platform && !configuration.is_set(WORKSPACE) {
            return vec![no_workspace()];
        }
        per_model(trials, |trial| judge(trial, configuration))
    }
}

fn judge(trial: &Invocation, configuration: &Configuration) -> Finding {
    match Trial::of(trial) {
        Trial::Refused(failure, Answer::FormRefused(signature)) => {
            refused(trial, failure, signature, configuration)
        }
        _ if !trial.real => Finding::not_applicable(
            "whether the betas and members of Claude Code's requests are accepted shows only a real request: `--invoke`",
        ),
        Trial::Accepted(..) if intervened(trial) => blocked(trial, configuration),
        Trial::Accepted(..) if trial.betas.is_empty() => Finding::not_applicable(format!(
            "a plain request is accepted for {}; which betas Claude Code {} sends for it nobody recorded",
            named(trial),
            configuration.rules
        )),
        Trial::Accepted(basis, words) => Finding::pass(format!(
            "the form of Claude Code {}'s requests is accepted for {}",
            configuration.rules,
            named(trial)
        ))
        .evidence(basis, format!("{words}{}", billed(trial))),
        other => other.not_judged_here(trial),
    }
}

fn billed(trial: &Invocation) -> String {
    let usage = trial.outcome.known().and_then(|answer| answer.usage);
    usage.map_or_else(String::new, |usage| {
        format!(
            "; it cost {} input and {} output tokens",
            usage.input_tokens, usage.output_tokens
        )
    })
}

fn intervened(trial: &Invocation) -> bool {
    matches!(&trial.outcome, Observed::Known(answer) if answer.guardrail_intervened)
}

/// With such a line in `ANTHROPIC_CUSTOM_HEADERS` Claude Code sends nothing at all (seen, 2.1.330).
fn unsendable(header: &Header) -> Finding {
    Finding::fail(
        "custom-header-invalid",
        format!(
            "a line of {} has no valid name of a header field before its colon",
            header.source.words()
        ),
    )
    .why("Claude Code sends nothing then, and ends with `API Error: Invalid header name`")
    .evidence(
        Basis::Inferred,
        "the lines were read as Claude Code reads them",
    )
    .fix(format!(
        "write {} as one `Name: value` per line; a name has neither blanks nor quotes",
        header.source.words()
    ))
}

/// Without it Claude Code sends nothing to Claude Platform on AWS (seen, 2.1.206 to 2.1.330).
fn no_workspace() -> Finding {
    Finding::fail("workspace-id-missing", format!("`{WORKSPACE}` is not set"))
        .why("Claude Code sends nothing then, and ends with `API Error: No workspace ID found`; a field in `ANTHROPIC_CUSTOM_HEADERS` does not help")
        .evidence(Basis::Inferred, "the variables were read as Claude Code reads them")
        .fix_command(
            "set it to the id of your workspace of Claude Platform on AWS",
            format!("export {WORKSPACE}=WORKSPACE_ID"),
        )
}

fn refused(
    trial: &Invocation,
    failure: &Failure,
    signature: &'static Signature,
    configuration: &Configuration,
) -> Finding {
    let cause = finer(failure, signature);
    let mut evidence = failure.words();
    if cause.cause == "beta-flag-rejected" && !trial.betas.is_empty() {
        let betas: Vec<String> = trial.betas.iter().map(|beta| format!("`{beta}`")).collect();
        evidence = format!("{evidence}; the request had the betas {}", list(&betas));
    }
    let finding = Finding::fail(
        &cause.cause,
        format!(
            "the form of the request for {} was refused: {}",
            named(trial),
            failure.message
        ),
    )
    .owner(cause.owner)
    .why("credentials and policies are not to blame: Claude Code prints `API Error: 400` for every message")
    .evidence(Basis::Reported, evidence)
    .request_id(failure.request_id.clone())
    .shared();
    let finding = remedy(finding, &cause.cause, configuration);
    match gateway(configuration) {
        Some(source) => finding.fix(format!(
            "or, if the gateway of {} refuses it and not Bedrock, let the gateway pass such requests on unchanged",
            source.words()
        )),
        None => finding,
    }
}

/// The cause that the text alone tells, where the code says only that the body was refused.
fn finer(failure: &Failure, signature: &'static Signature) -> &'static Signature {
    let pasted = AwsErrorText {
        service: "",
        status: None,
        code: None,
        message: &failure.message,
    };
    classify(&pasted)
        .filter(|found| found.kind == Kind::RequestForm)
        .unwrap_or(signature)
}

fn remedy(finding: Finding, cause: &str, configuration: &Configuration) -> Finding {
    match cause {
        "guardrail-refused" => at_header(
            finding,
            configuration,
            GUARDRAIL,
            "name a guardrail and a version that exist in this Region",
        )
        .fix_command(
            "see which exist",
            format!(
                "aws bedrock list-guardrails --region {}",
                shell_word(&configuration.region.value)
            ),
        ),
        "service-tier-refused" => at_header(
            finding,
            configuration,
            SERVICE_TIER,
            "use a service tier that the model has, or none",
        ),
        "prompt-caching-unsupported" => {
            finding.fix_command("do without prompt caching", "export DISABLE_PROMPT_CACHING=1")
        }
        "billing-header-reserved-keyword" => finding.fix_command(
            "leave the line out of the system prompt",
            "export CLAUDE_CODE_ATTRIBUTION_HEADER=0",
        ),
        "app-profile-request-shape" => finding
            .fix("allow `bedrock:GetInferenceProfile`: Claude Code then knows the model behind the ARN and what it takes")
            .fix_command("or bring Claude Code up to date", "claude update"),
        _ => finding
            .fix_command(
                "leave out what is new",
                "export CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS=1",
            )
            .fix_command("or bring Claude Code up to date", "claude update"),
    }
}

/// The step at the place where a header field is set.
fn at_header(finding: Finding, configuration: &Configuration, name: &str, text: &str) -> Finding {
    let Some(header) = header(configuration, name) else {
        return finding.fix(text);
    };
    let variable = header.source.name.as_deref().unwrap_or_default();
    let of_its_own = header.source.kind == SourceKind::Environment
        && variable == "ANTHROPIC_BEDROCK_SERVICE_TIER";
    let value = header.value.as_deref().unwrap_or_default();
    let text = format!("{text}: {} says `{value}`", header.source.words());
    if of_its_own {
        finding.fix_command(text, format!("unset {variable}"))
    } else {
        finding.fix(text)
    }
}

fn header<'a>(configuration: &'a Configuration, name: &str) -> Option<&'a Header> {
    let mut headers = configuration.headers.iter();
    headers.find(|header| header.name.eq_ignore_ascii_case(name))
}

/// Where an endpoint of its own is set, if one is.
fn gateway(configuration: &Configuration) -> Option<&Source> {
    let source = &configuration.runtime.endpoint.source;
    (source.kind != SourceKind::Default).then_some(source)
}

/// A guardrail that blocks a harmless word blocks everything.
fn blocked(trial: &Invocation, configuration: &Configuration) -> Finding {
    let guardrail = header(configuration, GUARDRAIL).and_then(|header| header.value.as_deref());
    let guardrail = guardrail.map_or_else(
        || "a guardrail".to_owned(),
        |id| format!("the guardrail `{id}`"),
    );
    Finding::fail(
        "guardrail-intervened",
        format!(
            "{guardrail} blocked a harmless test request for {}",
            named(trial)
        ),
    )
    .owner(Owner::AccountAdmin)
    .why("Claude Code shows the guardrail's own text in the place of an answer")
    .evidence(
        Basis::Observed,
        "a real request was answered with `amazon-bedrock-guardrailAction: INTERVENED`",
    )
    .shared()
    .fix("let the guardrail pass ordinary requests, or name another one in `ANTHROPIC_CUSTOM_HEADERS`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, InvokeAnswer, Usage};
    use crate::finding::Status;
    use crate::sample::{configured, from_shell, invoked, only, refusal, variable};

    const CHECK: Entry = Entry::of::<RequestFormAccepted>();

    fn real(mut facts: Facts) -> Facts {
        if let Observed::Known(invocations) = &mut facts.invocations {
            invocations.truncate(1);
            invocations[0].real = true;
            invocations[0].betas = vec!["new-2026-01-01".to_owned()];
        }
        facts
    }

    fn answered(guardrail_intervened: bool) -> Observed<InvokeAnswer> {
        Observed::Known(InvokeAnswer {
            content_type: Some("application/vnd.amazon.eventstream".into()),
            complete: true,
            guardrail_intervened,
            usage: Some(Usage {
                input_tokens: 412,
                output_tokens: 1,
            }),
        })
    }

    fn refused_with(message: &str) -> Observed<InvokeAnswer> {
        Observed::Failed(refusal(
            "bedrock-runtime",
            400,
            "ValidationException",
            message,
        ))
    }

    #[test]
    fn each_refusal_has_its_cause() {
        for (message, code) in [
            ("invalid beta flag", "beta-flag-rejected"),
            (
                "tools.0.custom.eager_input_streaming: Extra inputs are not permitted",
                "extra-inputs-not-permitted",
            ),
            (
                "This model does not support the effort parameter",
                "app-profile-request-shape",
            ),
            ("metadata: Field required", "request-body-refused"),
            (
                "The guardrail identifier or version provided in the request does not exist.",
                "guardrail-refused",
            ),
            (
                "The requested service tier is not supported for this model.",
                "service-tier-refused",
            ),
        ] {
            let facts = real(invoked(&refused_with(message)));
            let finding = only(&CHECK, &facts, Status::Fail, Some(code));
            assert_eq!(finding.owner, Owner::You);
            assert!(!finding.fix.is_empty());
        }
    }

    #[test]
    fn a_body_that_must_be_refused_says_nothing_of_the_form() {
        let facts = invoked(&refused_with(
            "bedrock_doctor_probe: Extra inputs are not permitted",
        ));
        only(&CHECK, &facts, Status::NotApplicable, None);
        let header = invoked(&refused_with(
            "The guardrail identifier or version provided in the request does not exist.",
        ));
        for finding in CHECK.run(&header).0 {
            assert_eq!(finding.code.as_deref(), Some("guardrail-refused"));
        }
    }

    #[test]
    fn passes_when_a_real_request_is_answered() {
        let facts = real(invoked(&answered(false)));
        let finding = only(&CHECK, &facts, Status::Pass, None);
        let cost = "it cost 412 input and 1 output tokens";
        assert!(finding.evidence.detail.ends_with(cost), "{finding:#?}");
        let blocked = Some("guardrail-intervened");
        only(
            &CHECK,
            &real(invoked(&answered(true))),
            Status::Fail,
            blocked,
        );
    }

    #[test]
    fn a_request_without_betas_says_nothing_of_claude_code_s() {
        let mut facts = real(invoked(&answered(false)));
        if let Observed::Known(invocations) = &mut facts.invocations {
            invocations[0].betas.clear();
        }
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn a_refused_beta_is_one_of_those_that_are_named() {
        let facts = real(invoked(&refused_with("invalid beta flag")));
        let finding = only(&CHECK, &facts, Status::Fail, Some("beta-flag-rejected"));
        assert!(finding.evidence.detail.ends_with("`new-2026-01-01`"));
    }

    #[test]
    fn the_variable_of_the_tier_is_named() {
        let message = "The requested service tier is not supported for this model.";
        let mut facts = configured(|configuration| {
            configuration.headers.push(Header {
                name: SERVICE_TIER.into(),
                value: Some("flex".into()),
                source: from_shell("ANTHROPIC_BEDROCK_SERVICE_TIER", ()).source,
            });
        });
        facts.invocations = real(invoked(&refused_with(message))).invocations;
        let finding = only(&CHECK, &facts, Status::Fail, Some("service-tier-refused"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset ANTHROPIC_BEDROCK_SERVICE_TIER")
        );
    }

    #[test]
    fn the_claude_platform_wants_a_workspace() {
        let mut facts = configured(|configuration| {
            configuration.provider =
                from_shell("CLAUDE_CODE_USE_ANTHROPIC_AWS", Provider::AnthropicAws);
        });
        only(&CHECK, &facts, Status::Fail, Some("workspace-id-missing"));
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.variables.push(variable(WORKSPACE, "ws1"));
        }
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn a_line_without_a_name_is_told_before_anything_is_sent() {
        let facts = configured(|configuration| {
            configuration.headers.push(Header {
                name: NO_NAME.into(),
                value: None,
                source: from_shell("ANTHROPIC_CUSTOM_HEADERS", ()).source,
            });
        });
        only(&CHECK, &facts, Status::Fail, Some("custom-header-invalid"));
    }
}
