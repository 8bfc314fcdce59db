use super::quotas_sufficient::without_quota;
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{AllFacts, CallerIdentity, Facts, Failure, InferenceProfiles, Invocation};
use crate::finding::{Basis, Finding, Owner};
use crate::network::{answered, aws_failures, no_answer};
use crate::probe::ProbeId;
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct RequestsNotThrottled;

impl Check for RequestsNotThrottled {
    const META: &'static Meta = &Meta {
        id: "requests-not-throttled",
        family: Family::Quotas,
        title: "requests are within the quotas",
        file: file!(),
        docs: "
## What it looks at

Answers of AWS that name a quota: `ThrottlingException`, `Too many tokens`, status 429.

## Why it matters

Throttling is no denial, but keeps this checkup from telling whether access is granted.
Claude Code repeats a throttled request for about 3 minutes. New accounts may have a quota of zero.

## How to fix it

Where a quota has no room for a single request, `quotas-sufficient` says so instead, for waiting does not help.
Otherwise wait a minute. If it stays, compare the applied quota with the default in the Service Quotas console
and ask for more.
",
    };

    type Needs<'a> = (
        AllFacts<'a>,
        Seen<'a, CallerIdentity>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Vec<Invocation>>,
    );

    fn run((AllFacts(facts), ..): Self::Needs<'_>) -> Vec<Finding> {
        let region = facts
            .configuration
            .known()
            .map_or("us-east-1", |configuration| &configuration.region.value);
        let mut findings: Vec<Finding> = Vec::new();
        let lacks_quota = lacks_quota(facts);
        for (probe, failure) in aws_failures(facts) {
            let Answer::Throttled(signature) = answer(failure) else {
                continue;
            };
            let code = signature.map_or("throttled", |signature| signature.cause.as_str());
            let finding = if probe == ProbeId::Invocations && lacks_quota {
                explained(failure)
            } else {
                judge(failure, code, region)
            };
            let known =
                |other: &Finding| other.subject == finding.subject && other.code == finding.code;
            if !findings.iter().any(known) {
                findings.push(finding);
            }
        }
        if !findings.is_empty() {
            return findings;
        }
        let services = answered(facts);
        vec![if services.is_empty() {
            no_answer(facts)
        } else {
            Finding::pass(format!("no call to {} was throttled", list(&services)))
        }]
    }
}

/// Whether every throttled model is one for which not even one request fits into the quotas.
fn lacks_quota(facts: &Facts) -> bool {
    let models = without_quota(facts);
    let trials = facts.invocations.known().into_iter().flatten();
    let mut throttled = trials
        .filter(|trial| {
            matches!(
                trial.outcome.failure().map(answer),
                Some(Answer::Throttled(_))
            )
        })
        .peekable();
    throttled.peek().is_some() && throttled.all(|trial| models.contains(&trial.model.as_str()))
}

/// Waiting does not help there, so that nothing here may advise it.
fn explained(failure: &Failure) -> Finding {
    let service = failure.service.as_deref().unwrap_or("AWS");
    Finding::left_out(format!(
        "`{service}` throttles requests that no quota has room for: `quotas-sufficient` tells which"
    ))
    .subject(service)
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone())
}

fn judge(failure: &Failure, code: &str, region: &str) -> Finding {
    let service = failure.service.as_deref().unwrap_or("AWS");
    let what = match code {
        "tokens-per-day-exceeded" => "the quota of tokens per day is used up",
        "tokens-per-minute-throttled" => "the quota of tokens per minute is used up",
        "requests-per-minute-throttled" => "the quota of requests per minute is used up",
        _ => "requests are throttled",
    };
    let wait = if code == "tokens-per-day-exceeded" {
        "wait for the next day; trying again before does not help"
    } else {
        "wait a minute and try again"
    };
    let finding = Finding::warn(
        code,
        format!("{what}: `{service}` answered {}", failure.words()),
    )
    .subject(service)
    .owner(Owner::AccountAdmin)
    .why("throttling is no denial, but whether access is granted could not be told")
    .evidence(Basis::Reported, failure.words())
    .request_id(failure.request_id.clone())
    .fix(wait);
    if service.starts_with("bedrock") {
        finding.fix(format!(
            "if it stays, compare the applied quota with the default and ask for more: https://{region}.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas"
        ))
    } else {
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Observed, Quota};
    use crate::finding::Status;
    use crate::sample::{healthy, invoked, now, only, refusal};

    const CHECK: Entry = Entry::of::<RequestsNotThrottled>();

    #[track_caller]
    fn check(code: &str, message: &str, cause: &str) -> Finding {
        let failure = refusal("bedrock-runtime", 429, code, message);
        only(
            &CHECK,
            &invoked(&Observed::Failed(failure)),
            Status::Warn,
            Some(cause),
        )
    }

    #[test]
    fn passes_when_nothing_is_throttled() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn names_the_quota() {
        let code = "ThrottlingException";
        check(
            code,
            "Too many tokens, please wait before trying again.",
            "tokens-per-minute-throttled",
        );
        check(
            code,
            "Too many requests, please wait before trying again.",
            "requests-per-minute-throttled",
        );
        check(code, "Rate exceeded", "throttled");
        let finding = check(
            code,
            "Too many tokens per day, please wait before trying again.",
            "tokens-per-day-exceeded",
        );
        assert!(finding.fix[0].text.contains("next day"));
    }

    #[test]
    fn the_status_alone_is_enough() {
        let finding = check("Whatever", "slow down", "throttled");
        assert_eq!(finding.owner, Owner::AccountAdmin);
        assert!(finding.fix[1].text.contains("servicequotas"));
    }

    #[test]
    fn gives_way_to_a_quota_of_zero() {
        let message = "Too many tokens, please wait before trying again.";
        let failure = refusal("bedrock-runtime", 429, "ThrottlingException", message);
        let mut facts = invoked(&Observed::Failed(failure));
        let quota = |name: &str, value| Quota {
            name: format!(
                "Cross-region model inference tokens per minute for Anthropic Claude {name}"
            ),
            code: "L-1".into(),
            value,
            default: None,
            adjustable: true,
        };
        facts.quotas = Observed::Known(vec![
            quota("Opus 5.5", 0.0),
            quota("Sonnet 4.5", 2_000_000.0),
        ]);
        // The other model is throttled too, and its quota has room: that may pass.
        let code = Some("tokens-per-minute-throttled");
        only(&CHECK, &facts, Status::Warn, code);
        facts.quotas = Observed::Known(vec![quota("Opus 5.5", 0.0), quota("Sonnet 4.5", 0.0)]);
        let finding = only(&CHECK, &facts, Status::NotApplicable, None);
        assert!(finding.what.contains("`quotas-sufficient`"), "{finding:#?}");
        assert_eq!(finding.fix, []);
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = Facts::at(now());
        facts.caller_identity = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
