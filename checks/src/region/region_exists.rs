use super::set_region;
use crate::check::{Check, Family, Meta};
use crate::claude_code::network::{host_of, is_of_aws};
use crate::facts::Configuration;
use crate::finding::{Basis, Finding, Status};

/// See [`Meta::docs`].
pub(crate) struct RegionExists;

/// The public Regions of all partitions.
const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

impl Check for RegionExists {
    const META: &'static Meta = &Meta {
        id: "region-exists",
        family: Family::Region,
        title: "the Region is one that AWS has",
        file: file!(),
        docs: "
## What it looks at

Whether the Region in use is written as AWS writes it and is one of the public Regions that this version of
`bedrock-doctor` knows. It asks nobody.

## Why it matters

Claude Code puts the value into the host name and into the signature as it stands. An availability zone
(`us-east-1a`), capital letters or a slip of the pen lead to a host that does not exist, and after three minutes of
retries to `Can't reach the API server`.

## How to fix it

Set `AWS_REGION` to the name of a Region, such as `us-east-1`. `aws ec2 describe-regions --all-regions` lists them.
",
    };

    type Needs<'a> = (&'a Configuration,);

    fn run((configuration,): Self::Needs<'_>) -> Vec<Finding> {
        let mut finding = judge(configuration);
        let host = host_of(&configuration.runtime.endpoint.value);
        if finding.status == Status::Fail && !is_of_aws(&host) {
            // A gateway may not look at the Region.
            finding.status = Status::Warn;
            finding.why = Some(format!(
                "requests go to `{host}`, but they may be signed for that Region"
            ));
        }
        vec![finding]
    }
}

fn judge(configuration: &Configuration) -> Finding {
    let region = &configuration.region;
    let name = region.value.as_str();
    let from = region.source.words();
    if name.starts_with("cn-") && REGIONS.contains(&name) {
        let finding = Finding::fail(
            "region-not-served",
            format!("`{name}`, from {from}, is a Region in China, where Claude Code's host does not exist: `bedrock-runtime.{name}.amazonaws.com`"),
        )
        .why("no request can arrive there");
        return set_region(finding, &region.source, "us-east-1");
    }
    if REGIONS.contains(&name) {
        return Finding::pass(format!("`{name}` is an AWS Region"));
    }
    if is_well_formed(name) {
        return Finding::warn("region-unknown", format!("`{name}`, from {from}, is no Region that this version knows"))
            .why("if AWS does not have it, its host names do not exist and every request fails")
            .evidence(Basis::Inferred, "compared with the list of Regions in the program")
            .fix_command(
                "look whether AWS has it",
                "aws ec2 describe-regions --all-regions --region us-east-1 --query 'Regions[].RegionName' --output text",
            );
    }
    let meant = meant(name);
    let (fault, why) = fault(name, meant);
    let finding = Finding::fail(
        "region-value-malformed",
        format!("`{name}`, from {from}, is {fault}"),
    )
    .why(why);
    set_region(finding, &region.source, meant.unwrap_or("us-east-1"))
}

/// What is wrong with a name, and why it matters.
fn fault(name: &str, meant: Option<&str>) -> (&'static str, &'static str) {
    let no_host = "Claude Code puts it into the host name as it stands, and no such host exists";
    match meant {
        Some(meant) if name.eq_ignore_ascii_case(meant) => (
            "not written in lower case",
            "Claude Code signs for it as it stands, which AWS refuses, and takes the `global.` models",
        ),
        Some(meant) if name.starts_with(meant) => ("an availability zone, not a Region", no_host),
        _ => ("not the name of a Region", no_host),
    }
}

/// `xx-xxxx-N`: words of lower-case letters, and a number of one or two digits at the end.
fn is_well_formed(region: &str) -> bool {
    let mut parts = region.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
        && (2..=3).contains(&words.len())
        && words
            .iter()
            .all(|word| word.len() >= 2 && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The Region that stands somewhere in a text: an ARN, a URL, an availability zone, `EU_WEST_1`.
pub(crate) fn meant(text: &str) -> Option<&'static str> {
    let text: String = text
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    REGIONS
        .into_iter()
        .filter(|region| {
            text.match_indices(region).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + region.len()..].chars().next();
                before.is_none_or(|c| c == '-') && after.is_none_or(|c| !c.is_ascii_digit())
            })
        })
        .max_by_key(|region| region.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Facts, Source, SourceKind, Value};
    use crate::sample::{configured, from_settings, from_shell, healthy, now, only};

    const CHECK: Entry = Entry::of::<RegionExists>();
    const MALFORMED: Option<&str> = Some("region-value-malformed");

    fn in_region(region: &str) -> Facts {
        configured(|configuration| configuration.region = from_shell("AWS_REGION", region.into()))
    }

    #[test]
    fn passes_for_the_regions_of_aws() {
        only(&CHECK, &healthy(), Status::Pass, None);
        for region in REGIONS
            .into_iter()
            .filter(|region| !region.starts_with("cn-"))
        {
            assert!(is_well_formed(region), "{region}");
            only(&CHECK, &in_region(region), Status::Pass, None);
        }
    }

    #[test]
    fn warns_about_a_well_formed_name_it_does_not_know() {
        for region in ["us-east-9", "eu-west-11", "us-isob-east-1"] {
            only(
                &CHECK,
                &in_region(region),
                Status::Warn,
                Some("region-unknown"),
            );
        }
    }

    #[test]
    fn fails_and_names_the_region_that_was_meant() {
        for (value, fault, command) in [
            (
                "us-east-1a",
                "an availability zone, not a Region",
                "us-east-1",
            ),
            (
                "us-west-2-lax-1a",
                "an availability zone, not a Region",
                "us-west-2",
            ),
            ("EU-WEST-1", "not written in lower case", "eu-west-1"),
            ("us_east_1", "not the name of a Region", "us-east-1"),
            (
                "arn:aws:bedrock:eu-central-1",
                "not the name of a Region",
                "eu-central-1",
            ),
            ("us east 2", "not the name of a Region", "us-east-2"),
            ("$MY_REGION", "not the name of a Region", "us-east-1"),
            ("null", "not the name of a Region", "us-east-1"),
            ("us-east", "not the name of a Region", "us-east-1"),
        ] {
            let finding = only(&CHECK, &in_region(value), Status::Fail, MALFORMED);
            assert!(finding.what.ends_with(fault), "{}", finding.what);
            assert_eq!(
                finding.fix[0].command,
                Some(format!("export AWS_REGION={command}")),
                "{value}"
            );
        }
    }

    #[test]
    fn fixes_the_value_where_it_stands() {
        let of = |value: Value<String>| {
            let facts = configured(|configuration| configuration.region = value);
            only(&CHECK, &facts, Status::Fail, MALFORMED).fix[0]
                .command
                .clone()
        };
        assert_eq!(
            of(from_settings("env.AWS_REGION", 4, "us-east-1a".into())).as_deref(),
            Some("\"${EDITOR:-vi}\" +4 ~/.claude/settings.json")
        );
        assert_eq!(
            of(from_shell("AWS_DEFAULT_REGION", "us-east-1a".into())).as_deref(),
            Some("export AWS_DEFAULT_REGION=us-east-1")
        );
        let in_file = Source {
            kind: SourceKind::AwsFile,
            path: Some("~/.aws/config".into()),
            line: Some(2),
            name: Some("[my dev] region".into()),
        };
        assert_eq!(
            of(Value::new("us-east-1a".into(), in_file)).as_deref(),
            Some("aws configure set region us-east-1 --profile 'my dev'")
        );
    }

    #[test]
    fn fails_in_china_where_claude_code_has_no_host() {
        only(
            &CHECK,
            &in_region("cn-north-1"),
            Status::Fail,
            Some("region-not-served"),
        );
    }

    #[test]
    fn a_gateway_may_not_look_at_the_region() {
        let facts = configured(|configuration| {
            configuration.region = from_shell("AWS_REGION", "dummy".into());
            configuration.runtime.endpoint.value = "https://gateway.example.com/bedrock".into();
        });
        only(&CHECK, &facts, Status::Warn, MALFORMED);
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
