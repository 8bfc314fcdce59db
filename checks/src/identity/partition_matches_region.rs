use super::credentials_accepted::bedrock_accepted;
use crate::answer::{Answer, answer};
use crate::check::{Check, Family, Meta, Seen, absent, not_for};
use crate::claude_code::network::host_of;
use crate::claude_code::region::partition;
use crate::facts::{AllFacts, CallerIdentity, Configuration, Observed, SourceKind};
use crate::finding::{Basis, Finding};
use crate::probe::ProbeId;

/// See [`Meta::docs`].
pub(crate) struct PartitionMatchesRegion;

impl Check for PartitionMatchesRegion {
    const META: &'static Meta = &Meta {
        id: "partition-matches-region",
        family: Family::Identity,
        title: "credentials and Region are of one AWS partition",
        file: file!(),
        docs: "
## What it looks at

The partition in the caller's ARN (`aws`, `aws-us-gov`, `aws-cn`) against that of the Region in use.

## Why it matters

Each partition knows only its own accounts: keys of another one are refused with
`The security token included in the request is invalid`, as if they were wrong.
In China Claude Code calls a name that does not exist, and there are no models of Anthropic.

## How to fix it

Set `AWS_REGION` to a Region of the partition that the credentials belong to.
",
    };

    type Needs<'a> = (&'a Configuration, Seen<'a, CallerIdentity>, AllFacts<'a>);

    fn run((configuration, Seen(identity), AllFacts(facts)): Self::Needs<'_>) -> Vec<Finding> {
        if !configuration.provider.value.uses_bedrock() {
            return vec![not_for(configuration.provider.value)];
        }
        let region = &configuration.region;
        let expected = partition(&region.value);
        let runtime = &configuration.runtime.endpoint;
        if expected == "aws-cn" && runtime.source.kind == SourceKind::Default {
            return vec![in_china(
                &region.value,
                &region.source.words(),
                &host_of(&runtime.value),
            )];
        }
        let Some(arn) = arn(identity) else {
            return vec![match identity {
                Observed::Failed(_) if bedrock_accepted(facts) => Finding::pass(format!(
                    "Bedrock in `{}` accepts the credentials, so they are of its partition",
                    region.value
                ))
                .evidence(Basis::Inferred, "the answers of Bedrock"),
                _ => absent(ProbeId::CallerIdentity, identity),
            }];
        };
        let found = arn.split(':').nth(1).unwrap_or("aws");
        vec![if found == expected {
            Finding::pass(format!(
                "`{}` and the credentials are of partition `{found}`",
                region.value
            ))
        } else {
            Finding::fail(
                "partition-mismatch",
                format!(
                    "the credentials are of partition `{found}` (`{}`), Region `{}` ({}) is of `{expected}`",
                    arn,
                    region.value,
                    region.source.words()
                ),
            )
            .why("Bedrock there does not know these credentials and calls them invalid")
            .fix_command(
                format!("use a Region of partition `{found}`"),
                format!("export AWS_REGION={}", example(found)),
            )
            .fix(format!("or use credentials of partition `{expected}`"))
        }]
    }
}

/// The caller's ARN: STS's answer, or a refusal that names the caller all the same.
fn arn(identity: &Observed<CallerIdentity>) -> Option<String> {
    match identity {
        Observed::Known(identity) => Some(identity.arn.clone()),
        Observed::Failed(failure) => match answer(failure) {
            Answer::Denied(_, denial) => denial.principal.filter(|name| name.starts_with("arn:")),
            _ => None,
        },
        Observed::NotCollected(_) => None,
    }
}

fn in_china(region: &str, source: &str, host: &str) -> Finding {
    Finding::fail(
        "model-not-in-region",
        format!("Region `{region}` ({source}) is in China, where Claude Code calls `{host}`, a name that does not exist"),
    )
    .why("Bedrock offers no models of Anthropic there; Claude Code tries for about 3 minutes, then speaks of DNS")
    .evidence(Basis::Inferred, "the Region in use")
    .explained_by("region-exists")
    .fix_command("use a Region outside China, with credentials for it", "export AWS_REGION=us-east-1")
}

fn example(partition: &str) -> &'static str {
    if partition == "aws-us-gov" {
        "us-gov-west-1"
    } else {
        "us-east-1"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, Failure, FailureKind};
    use crate::finding::{Explanation, Status};
    use crate::sample::{configured, from_shell, healthy, now, only};

    const CHECK: Entry = Entry::of::<PartitionMatchesRegion>();

    fn with(region: &str, arn: &str) -> Facts {
        let mut facts = configured(|configuration| {
            configuration.region = from_shell("AWS_REGION", region.into());
        });
        facts.caller_identity = Observed::Known(CallerIdentity {
            account: "123456789012".into(),
            arn: arn.into(),
        });
        facts
    }

    #[test]
    fn compares_the_partitions() {
        let (commercial, gov) = ("arn:aws:iam::1:user/a", "arn:aws-us-gov:iam::1:user/a");
        let mismatch = Some("partition-mismatch");
        for (region, arn, status, code) in [
            ("us-east-1", commercial, Status::Pass, None),
            ("us-gov-west-1", gov, Status::Pass, None),
            ("us-east-1", gov, Status::Fail, mismatch),
            ("us-gov-west-1", commercial, Status::Fail, mismatch),
            (
                "cn-north-1",
                "arn:aws-cn:iam::1:user/a",
                Status::Fail,
                Some("model-not-in-region"),
            ),
        ] {
            only(&CHECK, &with(region, arn), status, code);
        }
    }

    #[test]
    fn the_command_names_a_region_of_the_credentials() {
        let facts = with("us-east-1", "arn:aws-us-gov:iam::1:user/a");
        let finding = only(&CHECK, &facts, Status::Fail, Some("partition-mismatch"));
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export AWS_REGION=us-gov-west-1")
        );
    }

    #[test]
    fn a_refusal_names_the_caller_too() {
        let mut facts = with("us-east-1", "");
        facts.caller_identity = Observed::Failed(Failure {
            service: Some("sts".into()),
            status: Some(403),
            code: Some("AccessDenied".into()),
            ..Failure::new(
                FailureKind::Service,
                "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: sts:GetCallerIdentity",
            )
        });
        only(&CHECK, &facts, Status::Pass, None);
    }

    #[test]
    fn bedrock_tells_it_when_sts_is_out_of_reach() {
        let mut facts = with("us-east-1", "");
        facts.caller_identity = Observed::Failed(Failure::new(FailureKind::TimedOut, "timed out"));
        only(&CHECK, &facts, Status::Pass, None);
        let silent = Failure::new(FailureKind::TimedOut, "timed out");
        facts.inference_profiles = Observed::Failed(silent.clone());
        facts.use_case_form = Observed::Failed(silent.clone());
        facts.model_availability = Observed::Failed(silent.clone());
        facts.invocations = Observed::Failed(silent);
        only(&CHECK, &facts, Status::CannotTell, None);
    }

    #[test]
    fn china_is_known_without_asking() {
        let mut facts = with("cn-north-1", "");
        facts.caller_identity = Observed::NotCollected(Absence::Offline);
        let finding = only(&CHECK, &facts, Status::Fail, Some("model-not-in-region"));
        assert_eq!(finding.explained_by, [Explanation::Check("region-exists")]);
    }

    #[test]
    fn is_left_out_offline() {
        let mut facts = healthy();
        facts.caller_identity = Observed::NotCollected(Absence::Offline);
        assert!(only(&CHECK, &facts, Status::NotApplicable, None).left_out);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
