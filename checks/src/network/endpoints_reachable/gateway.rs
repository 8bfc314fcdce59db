//! What something between Claude Code and AWS does to requests and answers.

use crate::claude_code::network::host_of;
use crate::claude_code::versions::Version;
use crate::facts::{
    Configuration, Facts, Failure, InvokeAnswer, InvokeOperation, Observed, SourceKind, Value,
};
use crate::finding::{Basis, Finding, Owner, Status};
use crate::models::{CUT_OFF, Trial, is_of_type};

/// Since this version a stream without content type is not asked for twice (its change log; seen: 2.1.238 does).
const READS_WITHOUT_TYPE: Version = Version::new(2, 1, 239);

/// Real requests whose answer is not the stream that Claude Code reads, or reads only in a way that costs.
pub(super) fn garbled(facts: &Facts) -> Vec<Finding> {
    let invocations = facts.invocations.known().into_iter().flatten();
    invocations
        .filter_map(|invocation| {
            let Observed::Known(answer) = &invocation.outcome else {
                return None;
            };
            let finding = match Trial::of(invocation) {
                Trial::Garbled(words) => unreadable(answer, &words, &invocation.model),
                _ if invocation.real => costly(
                    invocation.operation,
                    answer,
                    &invocation.model,
                    facts.configuration.known(),
                )?,
                _ => return None,
            };
            Some(
                finding
                    .subject(&invocation.model)
                    .owner(Owner::NetworkTeam)
                    .evidence(Basis::Observed, "a real request was answered with status 200")
                    .shared()
                    .fix("let the gateway or proxy pass the body and the `Content-Type` of Bedrock's answers unchanged and unbuffered"),
            )
        })
        .collect()
}

fn unreadable(answer: &InvokeAnswer, words: &str, model: &str) -> Finding {
    let code = match &answer.content_type {
        None => "gateway-strips-content-type",
        // An event stream that something rewrote cannot be read to its end either.
        Some(_) if words == CUT_OFF => "gateway-connection-dropped",
        Some(_) => "gateway-rewrites-event-stream",
    };
    Finding::fail(code, format!("the answer for `{model}` {words}"))
        .why("Claude Code reads only a complete stream of the type that the service sends")
}

/// What Claude Code reads all the same.
fn costly(
    operation: InvokeOperation,
    answer: &InvokeAnswer,
    model: &str,
    configuration: Option<&Configuration>,
) -> Option<Finding> {
    let expected = operation.stream_type()?;
    match answer.content_type.as_deref() {
        Some(found) if is_of_type(found, expected) => None,
        // The Messages API in one piece: Claude Code takes it as the answer (seen, 2.1.330).
        Some(found) => Some(
            Finding::warn(
                "gateway-rewrites-event-stream",
                format!("the answer for `{model}` has the content type `{found}` instead of `{expected}`"),
            )
            .why("Claude Code asks again without streaming then, and shows the answer in one piece, late"),
        ),
        None => {
            let finding = Finding::warn(
                "gateway-strips-content-type",
                format!("the answer for `{model}` has no content type"),
            );
            let version = configuration.and_then(|it| Version::parse(&it.rules))?;
            Some(if version < READS_WITHOUT_TYPE {
                finding
                    .why("this version of Claude Code may ask again without streaming: every turn is billed twice")
                    .fix_command("bring Claude Code up to date", "claude update")
            } else {
                finding.why("versions of Claude Code before 2.1.239 ask again without streaming, and every turn is billed twice")
            })
        }
    }
}

/// Whether Claude Code gets answers all the same when there is nothing at the path for streams: it asks once more, without
/// streaming (seen, 2.1.330).
pub(super) fn works_unstreamed(facts: &Facts, failure: &Failure) -> bool {
    let invocations = facts.invocations.known().into_iter().flatten();
    let mut checks = invocations.filter(|trial| trial.operation == InvokeOperation::InvokeModel);
    failure.status == Some(404)
        && checks.any(|trial| matches!(Trial::of(trial), Trial::Accepted(..)))
}

/// Turns the failure of streaming alone into a warning.
pub(super) fn only_unstreamed(mut finding: Finding) -> Finding {
    finding.status = Status::Warn;
    finding.why = Some(
        "Claude Code asks again without streaming then, which is let through: answers come late and in one piece".to_owned(),
    );
    finding
}

/// An answer of something that speaks another API than the one that was asked.
pub(super) fn mixed_up(
    host: &str,
    failure: &Failure,
    configuration: Option<&Configuration>,
) -> Option<Finding> {
    let endpoint = own_endpoint(host, configuration?)?;
    let message = failure.message.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    let named = format!("`{}` ({})", endpoint.value, endpoint.source.words());
    let finding = if has(OTHER_API) {
        Finding::fail(
            "anthropic-vs-bedrock-base-url",
            format!(
                "{named} does not speak the API that Claude Code asks there: {}",
                failure.message
            ),
        )
        .why("a gateway for Anthropic's Messages API and a pass-through to Bedrock are two things, with a variable each")
    } else if failure.status == Some(404) {
        Finding::fail(
            "bedrock-base-url-404",
            format!(
                "{named} has nothing at the path that Claude Code asks: {}",
                failure.message
            ),
        )
        .why("Claude Code appends `/model/…/invoke-with-response-stream` to this URL")
    } else {
        return None;
    };
    let variable = endpoint.source.name.as_deref().unwrap_or_default();
    let variable = variable.trim_start_matches("env.");
    Some(
        finding
            .fix(format!(
                "set `{variable}` to the URL below which the gateway passes Bedrock's API through (with LiteLLM it ends in `/bedrock`)"
            ))
            .fix_command(
                "or, for a gateway of Anthropic's Messages API, give it to Claude Code as such",
                format!(
                    "unset CLAUDE_CODE_USE_BEDROCK {variable}; export ANTHROPIC_BASE_URL=GATEWAY_URL ANTHROPIC_AUTH_TOKEN=GATEWAY_TOKEN"
                ),
            ),
    )
}

/// Texts of gateways that took the request for one of another API.
const OTHER_API: &[&str] = &[
    "allm_passthrough_route",
    "anthropic messages provider config not found",
    "invalid model name passed in model=",
    "in the form of anthropic's api",
];

/// The endpoint for invocations with this host, when a variable or a setting chose it.
fn own_endpoint<'a>(host: &str, configuration: &'a Configuration) -> Option<&'a Value<String>> {
    let endpoint = &configuration.runtime.endpoint;
    (endpoint.source.kind != SourceKind::Default && host_of(&endpoint.value) == host)
        .then_some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::super::EndpointsReachable;
    use crate::check::Entry;
    use crate::facts::{Facts, Failure, FailureKind, InvokeAnswer, InvokeOperation, Observed};
    use crate::finding::{Owner, Status};
    use crate::sample::{configured, from_shell, invoked, only};

    const CHECK: Entry = Entry::of::<EndpointsReachable>();

    fn real(answer: InvokeAnswer, change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = invoked(&Observed::Known(answer));
        if let Observed::Known(invocations) = &mut facts.invocations {
            invocations.truncate(1);
            invocations[0].real = true;
        }
        change(&mut facts);
        facts
    }

    fn answer(content_type: Option<&str>, complete: bool) -> InvokeAnswer {
        InvokeAnswer {
            content_type: content_type.map(str::to_owned),
            complete,
            guardrail_intervened: false,
            usage: None,
        }
    }

    #[test]
    fn a_stream_must_be_complete_and_of_the_right_type() {
        let stream = Some("application/vnd.amazon.eventstream");
        for (content_type, complete, code) in [
            (
                Some("text/event-stream"),
                true,
                "gateway-rewrites-event-stream",
            ),
            (
                Some("application/json"),
                true,
                "gateway-rewrites-event-stream",
            ),
            (None, false, "gateway-strips-content-type"),
            (stream, false, "gateway-connection-dropped"),
        ] {
            let facts = real(answer(content_type, complete), |_| ());
            let finding = only(&CHECK, &facts, Status::Fail, Some(code));
            assert_eq!(finding.owner, Owner::NetworkTeam);
        }
        only(
            &CHECK,
            &real(answer(stream, true), |_| ()),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn whole_frames_are_read_without_a_content_type() {
        for (version, words) in [("2.1.330", "before 2.1.239"), ("2.1.238", "billed twice")] {
            let facts = real(answer(None, true), |facts| {
                if let Observed::Known(configuration) = &mut facts.configuration {
                    configuration.rules = version.to_owned();
                }
            });
            let code = Some("gateway-strips-content-type");
            let finding = only(&CHECK, &facts, Status::Warn, code);
            assert!(
                finding.why.as_ref().unwrap().contains(words),
                "{finding:#?}"
            );
        }
    }

    #[test]
    fn the_messages_api_in_one_piece_is_read() {
        let facts = real(answer(Some("application/json"), true), |facts| {
            if let Observed::Known(invocations) = &mut facts.invocations {
                invocations[0].operation = InvokeOperation::MantleCreateInference;
            }
        });
        let code = Some("gateway-rewrites-event-stream");
        only(&CHECK, &facts, Status::Warn, code);
    }

    #[test]
    fn a_gateway_for_another_api_is_told_from_one_without_the_path() {
        for (status, message, code) in [
            (
                400,
                "an answer that is not AWS's: HTTP 400 with application/json: allm_passthrough_route: Invalid model name passed in model=messages",
                "anthropic-vs-bedrock-base-url",
            ),
            (
                404,
                "an answer that is not AWS's: HTTP 404 with application/json, in the form of Anthropic's API: Not found",
                "anthropic-vs-bedrock-base-url",
            ),
            (
                404,
                "an answer that is not AWS's: HTTP 404 with text/html",
                "bedrock-base-url-404",
            ),
            (
                502,
                "an answer that is not AWS's: HTTP 502 with text/html",
                "answer-not-from-aws",
            ),
        ] {
            let mut facts = configured(|configuration| {
                configuration.runtime.endpoint = from_shell(
                    "ANTHROPIC_BEDROCK_BASE_URL",
                    "https://gw.example.com/bedrock".into(),
                );
            });
            facts.invocations = Observed::Failed(Failure {
                host: Some("gw.example.com".into()),
                status: Some(status),
                ..Failure::new(FailureKind::Http, message)
            });
            let finding = only(&CHECK, &facts, Status::Fail, Some(code));
            assert_eq!(finding.owner, Owner::You);
        }
    }
}
