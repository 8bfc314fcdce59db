use super::{answered, asked_only_here, by_weight, no_answer, only_a_warning};
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen};
use crate::facts::{AllFacts, CallerIdentity, Failure, InferenceProfiles, Invocation};
use crate::finding::{Basis, Finding, Owner};
use crate::signatures::{AwsErrorText, classify};
use crate::text::list;

/// See [`Meta::docs`].
pub(crate) struct ServiceAvailable;

impl Check for ServiceAvailable {
    const META: &'static Meta = &Meta {
        id: "service-available",
        family: Family::Network,
        title: "the AWS services work",
        file: file!(),
        docs: "
## What it looks at

Answers of AWS that say that the service itself failed: status 500 to 599, `ServiceUnavailableException`,
`InternalServerException`, an overloaded model.

## Why it matters

Such an answer says nothing about credentials, permissions or models, and mostly passes by itself.

## How to fix it

Try again in a minute. If it stays, look at the AWS Health Dashboard
(<https://health.aws.amazon.com/health/status>) and send AWS Support the request id.
",
    };

    type Needs<'a> = (
        AllFacts<'a>,
        Seen<'a, CallerIdentity>,
        Seen<'a, InferenceProfiles>,
        Seen<'a, Vec<Invocation>>,
    );

    fn run((AllFacts(facts), ..): Self::Needs<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for (probe, failure) in by_weight(facts) {
            if !matches!(answer(failure), Answer::Service) {
                continue;
            }
            let finding = judge(failure);
            let finding = if asked_only_here(facts, probe) {
                only_a_warning(finding)
            } else {
                finding
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
            Finding::pass(format!(
                "{} reported no failure of their own",
                list(&services)
            ))
        }]
    }
}

fn judge(failure: &Failure) -> Finding {
    let service = failure.service.as_deref().unwrap_or("AWS");
    let signature = classify(&AwsErrorText {
        service,
        status: failure.status,
        code: failure.code.as_deref(),
        message: &failure.message,
    });
    let code = signature.map_or("bedrock-503", |signature| signature.cause.as_str());
    let status = failure
        .status
        .map_or_else(String::new, |status| format!(" with status {status}"));
    Finding::fail(code, format!("`{service}` failed{status}: {}", failure.words()))
        .subject(failure.host.as_deref().unwrap_or(service))
        .owner(Owner::AwsSupport)
        .why("this is a failure on AWS's side: it says nothing about credentials, permissions or the model")
        .evidence(Basis::Reported, failure.words())
        .request_id(failure.request_id.clone())
        .shared()
        .fix("try again in a minute; such failures mostly pass by themselves")
        .fix("if it stays, look at https://health.aws.amazon.com/health/status and send AWS Support the request id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, Failure, FailureKind, Observed};
    use crate::finding::{Explanation, Status};
    use crate::sample::{healthy, invoked, now, only, refusal, verdicts};

    const CHECK: Entry = Entry::of::<ServiceAvailable>();

    #[test]
    fn passes_when_nothing_failed() {
        only(&CHECK, &healthy(), Status::Pass, None);
    }

    #[test]
    fn a_denial_is_no_failure_of_the_service() {
        let denied = refusal("bedrock-runtime", 403, "AccessDeniedException", "no");
        only(
            &CHECK,
            &invoked(&Observed::Failed(denied)),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn three_failures_of_one_service_are_one_finding() {
        let message = "Bedrock is unable to process your request.";
        let failure = refusal(
            "bedrock-runtime",
            503,
            "ServiceUnavailableException",
            message,
        );
        let finding = only(
            &CHECK,
            &invoked(&Observed::Failed(failure)),
            Status::Fail,
            Some("bedrock-503"),
        );
        assert_eq!(finding.owner, Owner::AwsSupport);
        assert_eq!(finding.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn an_unknown_error_with_status_500_is_a_failure_of_the_service() {
        let failure = refusal("bedrock-runtime", 599, "WhateverException", "boom");
        let verdicts = verdicts(&CHECK, &invoked(&Observed::Failed(failure)));
        assert_eq!(verdicts, [(Status::Fail, Some("bedrock-503".to_owned()))]);
    }

    #[test]
    fn an_answer_that_only_this_checkup_misses_is_a_warning() {
        let failure = refusal("bedrock", 500, "InternalServerException", "boom");
        let mut facts = healthy();
        facts.use_case_form = Observed::Failed(failure.clone());
        only(&CHECK, &facts, Status::Warn, Some("aws-server-error"));
        facts.inference_profiles = Observed::Failed(failure);
        only(&CHECK, &facts, Status::Fail, Some("aws-server-error"));
    }

    #[test]
    fn cannot_tell_when_nothing_arrives() {
        let mut facts = Facts::at(now());
        facts.caller_identity = Observed::Failed(Failure::new(FailureKind::Dns, "no such host"));
        let finding = only(&CHECK, &facts, Status::CannotTell, None);
        assert_eq!(finding.explained_by, [Explanation::Network]);
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = Facts::at(now());
        facts.caller_identity = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }
}
