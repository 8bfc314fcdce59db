use crate::answer::{Answer, answer, is_unknown_operation, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected, not_for};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::configuration::{remove_at, set_at};
use crate::facts::{
    Configuration, Failure, Invocation, InvokeOperation, Observed, Source, SourceKind, Value,
};
use crate::finding::{Basis, Finding};
use crate::models::{accepted, asked, on_bedrock};
use crate::probe::ProbeId;
use crate::region::{meant, set_region};

/// See [`Meta::docs`].
pub(crate) struct EndpointServesBedrock;

impl Check for EndpointServesBedrock {
    const META: &'static Meta = &Meta {
        id: "endpoint-serves-bedrock",
        family: Family::Network,
        title: "the endpoint serves Bedrock in the Region",
        file: file!(),
        docs: "
## What it looks at

An address that somebody set for Bedrock, such as `ANTHROPIC_BEDROCK_BASE_URL`: whether it is that of another AWS
service or of another Region. On every address, those of Mantle and of Claude Platform on AWS too: whether what answers
there knows the operations that invoke a model.

## Why it matters

Invocations are served by `bedrock-runtime`. The host `bedrock` lists and describes models only, and answers 404.
AWS refuses a signature that was made for another Region than the one in the host name.

## How to fix it

Remove the address, so that it follows from the Region, or let both name the same Region.
",
    };

    type Needs<'a> = (&'a Configuration, Seen<'a, Vec<Invocation>>);

    fn run((configuration, Seen(trials)): Self::Needs<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = messages_api(configuration, trials).into_iter().collect();
        let provider = configuration.provider.value;
        if provider.uses_bedrock() {
            findings.push(judge(configuration, &on_bedrock(trials)));
        } else if findings.is_empty() {
            findings.push(not_for(provider));
        }
        findings
    }
}

/// What answers at Mantle's address, or at that of Claude Platform on AWS, and does not know their requests.
fn messages_api(
    configuration: &Configuration,
    trials: &Observed<Vec<Invocation>>,
) -> Option<Finding> {
    let trials = trials.known().into_iter().flatten();
    let mut trials = trials.filter(|trial| trial.operation.is_messages_api());
    let (trial, failure) = trials.find_map(|trial| Some((trial, unknown(trial)?)))?;
    let route = match trial.operation {
        InvokeOperation::MantleCreateInference => configuration.mantle.as_ref(),
        _ => configuration.anthropic_aws.as_ref(),
    }?;
    let host = host_of(&route.endpoint.value);
    let source = &route.endpoint.source;
    let finding = Finding::fail(
        "bedrock-base-url-404",
        format!(
            "`{host}` ({}) does not know the operation that asks {} for an answer",
            source.words(),
            asked(trial)
        ),
    )
    .why("Claude Code appends `/v1/messages` to this address; it prints `API Error: 404`")
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone());
    Some(match source.name.as_deref() {
        Some(name) => remove_at(finding, source, name),
        None => finding.fix(IN_BETWEEN),
    })
}

/// The refusal of something that does not know the operation.
fn unknown(trial: &Invocation) -> Option<&Failure> {
    let failure = trial.outcome.failure();
    failure.filter(|failure| is_unknown_operation(failure))
}

fn judge(configuration: &Configuration, trials: &Observed<Vec<Invocation>>) -> Finding {
    let endpoint = &configuration.runtime.endpoint;
    let host = host_of(&endpoint.value);
    let source = endpoint.source.words();
    if let Some((basis, words)) = accepted(trials, None) {
        return Finding::pass(format!("`{host}` serves Bedrock")).evidence(basis, words);
    }
    let tried = || trials.known().into_iter().flatten();
    if let Some(failure) = tried().find_map(unknown) {
        let finding = Finding::fail(
            "bedrock-base-url-404",
            format!("`{host}` ({source}) does not know the operations that invoke a model"),
        )
        .why("invocations are served by `bedrock-runtime`; Claude Code prints `API Error: 404`")
        .evidence(Basis::Reported, failure.words())
        .request_id(failure.request_id.clone());
        return change(finding, configuration);
    }
    if endpoint.source.kind == SourceKind::Default {
        return Finding::pass(format!("`{host}` follows from the Region"))
            .evidence(Basis::Inferred, "the address was not set by anybody");
    }
    if let Some(finding) = by_name(&host, endpoint, configuration) {
        return finding;
    }
    match (tried().find_map(|trial| trial.outcome.failure()), trials) {
        (Some(failure), _) => match answer(failure) {
            Answer::Unreached | Answer::NotSent | Answer::Unknown(_) => {
                not_judged_here("an invocation", failure)
            }
            _ => Finding::pass(format!("Bedrock answers at `{host}`"))
                .evidence(Basis::Reported, failure.words()),
        },
        (None, Observed::NotCollected(why)) => not_collected(ProbeId::Invocations, why),
        (None, _) => Finding::cannot_tell(format!(
            "could not tell whether `{host}` ({source}) serves Bedrock: no model was tried"
        )),
    }
}

/// What the name of an AWS host says; nothing about the host of a gateway.
fn by_name(host: &str, endpoint: &Value<String>, configuration: &Configuration) -> Option<Finding> {
    let region = configuration.region.value.as_str();
    let source = endpoint.source.words();
    let mut labels = host.split('.');
    let service = labels.find(|label| label.starts_with("bedrock"))?;
    if !is_of_aws(host) {
        return None;
    }
    if !service.starts_with("bedrock-runtime") {
        let finding = Finding::fail(
            "bedrock-base-url-404",
            format!("`{host}` ({source}) is the service `{service}`, which invokes no models"),
        )
        .why("invocations are served by `bedrock-runtime`; Claude Code prints `API Error: 404`")
        .evidence(Basis::Inferred, "the name of the host");
        return Some(change(finding, configuration));
    }
    let named = labels.next().and_then(meant)?;
    // An API key is not bound to the Region by a signature.
    let signed = !configuration.skip_auth && !configuration.is_set("AWS_BEARER_TOKEN_BEDROCK");
    if named == region || !signed {
        return None;
    }
    let finding = Finding::fail(
        "endpoint-region-vs-signing-region",
        format!("`{host}` ({source}) is in `{named}`, but requests are signed for `{region}`"),
    )
    .why("AWS refuses a signature for another Region: `Credential should be scoped to a valid region`")
    .evidence(Basis::Inferred, "the name of the host and the Region in use");
    let finding = set_region(finding, &configuration.region.source, named);
    Some(change(finding, configuration))
}

/// The step that lets the address follow from the Region.
fn change(finding: Finding, configuration: &Configuration) -> Finding {
    let source: &Source = &configuration.runtime.endpoint.source;
    match source.name.as_deref() {
        Some(name) if source.kind == SourceKind::Environment => remove_at(finding, source, name),
        Some(name) => {
            let region = &configuration.region.value;
            let url = format!("https://bedrock-runtime.{region}.amazonaws.com");
            set_at(finding, source, name, &url)
        }
        None => finding.fix(IN_BETWEEN),
    }
}

/// The step where nobody set the address.
const IN_BETWEEN: &str = "look at what stands between this machine and Bedrock: a proxy or a gateway answers in its place";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InvokeAnswer, Provider};
    use crate::finding::Status;
    use crate::sample::{configured, from_shell, healthy, invoked, now, only, refusal};

    const CHECK: Entry = Entry::of::<EndpointServesBedrock>();

    /// The healthy machine with an address of its own, whose models were not tried.
    fn at(url: &str) -> Facts {
        let mut facts = configured(|configuration| {
            configuration.runtime.endpoint = from_shell("ANTHROPIC_BEDROCK_BASE_URL", url.into());
        });
        facts.invocations = Observed::NotCollected(Absence::Offline);
        facts
    }

    #[test]
    fn passes_where_requests_are_answered() {
        only(&CHECK, &healthy(), Status::Pass, None);
        let mut facts = at("https://bedrock.us-east-1.amazonaws.com");
        facts.invocations = healthy().invocations;
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn the_name_of_an_aws_host_says_what_it_serves_and_where() {
        let wrong = Some("bedrock-base-url-404");
        let elsewhere = Some("endpoint-region-vs-signing-region");
        for (host, code) in [
            ("bedrock.us-east-1.amazonaws.com", wrong),
            ("bedrock-agent-runtime.us-east-1.amazonaws.com", wrong),
            ("bedrock-mantle.us-east-1.api.aws", wrong),
            ("bedrock.eusc-de-east-1.amazonaws.eu", wrong),
            ("bedrock-runtime.us-west-2.amazonaws.com", elsewhere),
            (
                "vpce-0a-1b.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
                elsewhere,
            ),
            ("bedrock-runtime.us-east-1.amazonaws.com", None),
            ("bedrock-runtime-fips.us-east-1.amazonaws.com", None),
            (
                "vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                None,
            ),
            ("bedrock.gateway.example.com", None),
            ("x.execute-api.eu-west-1.amazonaws.com", None),
        ] {
            let status = if code.is_some() {
                Status::Fail
            } else {
                Status::NotApplicable
            };
            only(&CHECK, &at(&format!("https://{host}")), status, code);
        }
    }

    #[test]
    fn an_api_key_is_not_bound_to_the_region_of_the_host() {
        let mut facts = at("https://bedrock-runtime.us-west-2.amazonaws.com");
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration
                .variables
                .push(crate::sample::variable("AWS_BEARER_TOKEN_BEDROCK", "x"));
        }
        only(&CHECK, &facts, Status::NotApplicable, None);
    }

    #[test]
    fn an_operation_that_is_not_known_there_is_the_address_s_fault() {
        let unknown = refusal("bedrock-runtime", 404, "UnknownOperationException", "");
        let mut facts = at("https://gateway.example.com");
        facts.invocations = invoked(&Observed::Failed(unknown)).invocations;
        let finding = only(&CHECK, &facts, Status::Fail, Some("bedrock-base-url-404"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset ANTHROPIC_BEDROCK_BASE_URL")
        );
    }

    /// Two trials of Mantle, the first of which ended like this.
    fn on_mantle(provider: Provider, outcome: &Observed<InvokeAnswer>) -> Facts {
        let mut facts = at("https://gateway.example.com");
        if let Observed::Known(configuration) = &mut facts.configuration {
            configuration.provider.value = provider;
            let mut route = configuration.runtime.clone();
            route.endpoint = from_shell(
                "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
                "https://mantle.example.com".into(),
            );
            configuration.mantle = Some(route);
        }
        facts.invocations = invoked(outcome).invocations;
        if let Observed::Known(trials) = &mut facts.invocations {
            for trial in trials {
                trial.operation = InvokeOperation::MantleCreateInference;
            }
        }
        facts
    }

    #[test]
    fn mantle_does_not_vouch_for_bedrock() {
        let answered = || {
            Observed::Known(InvokeAnswer {
                content_type: Some("text/event-stream".into()),
                complete: true,
                guardrail_intervened: false,
                usage: None,
            })
        };
        let both = on_mantle(Provider::BedrockAndMantle, &answered());
        only(&CHECK, &both, Status::CannotTell, None);
        let alone = on_mantle(Provider::Mantle, &answered());
        only(&CHECK, &alone, Status::NotApplicable, None);
    }

    #[test]
    fn the_address_of_mantle_is_judged_too() {
        let mut unknown = refusal("bedrock-mantle", 404, "", "");
        unknown.code = None;
        let facts = on_mantle(Provider::Mantle, &Observed::Failed(unknown));
        let finding = only(&CHECK, &facts, Status::Fail, Some("bedrock-base-url-404"));
        assert!(finding.what.starts_with("`mantle.example.com`"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("unset ANTHROPIC_BEDROCK_MANTLE_BASE_URL")
        );
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
