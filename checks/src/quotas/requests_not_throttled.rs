use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{AllFacts, CallerIdentity, Failure, InferenceProfiles, Invocation};
use crate::finding::{Basis, Finding, Owner};
use crate::network::{answered, aws_failures, no_answer};
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

Wait a minute. If it stays, compare the applied quota with the default in the Service Quotas console
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
        for (_, failure) in aws_failures(facts) {
            let Answer::Throttled(signature) = answer(failure) else {
                continue;
            };
            let code = signature.map_or("throttled", |signature| signature.cause.as_str());
            let finding = judge(failure, code, region);
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
    use crate::facts::{Absence, Facts, Observed};
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
