use crate::answer::{Answer, answer, not_judged_here};
use crate::check::{Check, Family, Meta, Seen, not_collected};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::configuration::{remove_at, set_at};
use crate::facts::{Configuration, Failure, Invocation, Observed, Source, SourceKind, Value};
use crate::finding::{Basis, Finding};
use crate::models::accepted;
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
service or of another Region, and whether what answers there knows the operations that invoke a model.

## Why it matters

Invocations are served by `bedrock-runtime`. The host `bedrock` lists and describes models only, and answers 404.
AWS refuses a signature that was made for another Region than the one in the host name.

## How to fix it

Remove the address, so that it follows from the Region, or let both name the same Region.
",
    };

    type Needs<'a> = (&'a Configuration, Seen<'a, Vec<Invocation>>);

    fn run((configuration, Seen(trials)): Self::Needs<'_>) -> Vec<Finding> {
        if !configuration.provider.value.uses_bedrock() {
            return vec![Finding::not_applicable(
                "requests do not go to Amazon Bedrock",
            )];
        }
        vec![judge(configuration, trials)]
    }
}

fn judge(configuration: &Configuration, trials: &Observed<Vec<Invocation>>) -> Finding {
    let endpoint = &configuration.runtime.endpoint;
    let host = host_of(&endpoint.value);
    let source = endpoint.source.words();
    if let Some((basis, words)) = accepted(trials, None) {
        return Finding::pass(format!("`{host}` serves Bedrock")).evidence(basis, words);
    }
    let refused = |failure: &&Failure| matches!(answer(failure), Answer::NoSuchOperation);
    let failures = || {
        let trials = trials.known().into_iter().flatten();
        trials.filter_map(|trial| trial.outcome.failure())
    };
    if let Some(failure) = failures().find(refused) {
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
    match (failures().next(), trials) {
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
        None => finding.fix("look at what stands between this machine and Bedrock: a proxy or a gateway answers in its place"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts};
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

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
