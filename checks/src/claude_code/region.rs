//! The Region Claude Code uses.

use super::environment::Environment;
use super::profiles::Profiles;
use super::versions::{Rule, Rules};
use crate::facts::{Overridden, Source, SourceKind, Value};
use crate::parse::js::trim;

/// The Region with its source and what it beat: `AWS_REGION`, `AWS_DEFAULT_REGION`, `region` of the profile, `us-east-1`.
pub fn resolve(
    environment: &Environment,
    profiles: &Profiles,
    profile: &str,
    rules: Rules,
) -> Value<String> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let Some(value) = environment.value(name) else {
            continue;
        };
        let losers = value.overridden.into_iter();
        let losers = losers.map(|lost| (lost.value, lost.source));
        let all = std::iter::once((value.value, value.source)).chain(losers);
        candidates.extend(all.enumerate().map(|(place, (text, source))| Candidate {
            text,
            source,
            // What a settings file replaced in the shell is no candidate of its own.
            is_replaced: place > 0,
        }));
    }
    let in_files = profiles.located(profile, "region").into_iter();
    candidates.extend(in_files.map(|(text, source)| Candidate {
        text,
        source,
        is_replaced: false,
    }));
    let usable = |candidate: &Candidate| {
        let from_file = candidate.source.kind == SourceKind::AwsFile;
        let trimmed = trim(&candidate.text);
        !trimmed.is_empty()
            && !candidate.is_replaced
            && (!from_file || rules.has(Rule::RegionFromAwsFiles))
            && (!rules.has(Rule::MalformedRegionIsUnset) || !is_malformed(trimmed))
    };
    // Older versions put the value into the URL as it stands, blanks included (seen with 2.1.170).
    let value = |text: &str| {
        if rules.has(Rule::MalformedRegionIsUnset) {
            trim(text).to_owned()
        } else {
            text.to_owned()
        }
    };
    let winner = candidates.iter().position(usable);
    let lost = |index: Option<usize>| {
        candidates
            .iter()
            .enumerate()
            .filter(|(at, lost)| Some(*at) != index && !trim(&lost.text).is_empty())
            .map(|(_, lost)| Overridden {
                value: lost.text.clone(),
                source: lost.source.clone(),
            })
            .collect()
    };
    match winner {
        Some(index) => Value {
            value: value(&candidates[index].text),
            source: candidates[index].source.clone(),
            overridden: lost(Some(index)),
        },
        None => Value {
            value: "us-east-1".to_owned(),
            source: Source::default_of("nothing names one"),
            overridden: lost(None),
        },
    }
}

/// A text that may be the Region.
struct Candidate {
    text: String,
    source: Source,
    /// The same variable has another value from a stronger place.
    is_replaced: bool,
}

/// A value without the shape of a Region counts as unset: at most five parts of letters and digits joined by `-`, the first
/// of two or more letters (seen, 2.1.330: `foo`, `us-east` and `us-east-1a` pass, `x`, `useast1` and `us_east_1` do not).
pub fn is_malformed(region: &str) -> bool {
    let mut parts = region.split('-');
    let first = parts.next().unwrap_or_default();
    parts.clone().count() > 4
        || first.len() < 2
        || !first.chars().all(|c| c.is_ascii_alphabetic())
        || parts.any(|part| part.is_empty() || !part.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The partition of a Region: `aws`, `aws-us-gov`, `aws-cn`.
pub fn partition(region: &str) -> &'static str {
    partition_of(region).0
}

/// The domain of AWS's host names in a Region.
pub fn domain(region: &str) -> &'static str {
    partition_of(region).1
}

/// The domain of the endpoints that have IPv4 and IPv6 addresses.
pub fn dual_stack_domain(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "api.amazonwebservices.com.cn",
        "aws-eusc" => "api.amazonwebservices.eu",
        _ => "api.aws",
    }
}

/// The partition and the domain, by the beginning of the Region's name.
fn partition_of(region: &str) -> (&'static str, &'static str) {
    let known = PARTITIONS
        .iter()
        .find(|(beginning, ..)| region.starts_with(beginning));
    known.map_or(("aws", "amazonaws.com"), |(_, partition, domain)| {
        (*partition, *domain)
    })
}

/// As the endpoint rules of the AWS SDKs have them.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
];
