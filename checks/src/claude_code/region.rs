//! The Region Claude Code uses.

use super::environment::Environment;
use super::profiles::Profiles;
use super::versions::Rules;
use crate::facts::{Overridden, Source, Value};

/// The Region with its source and what it beat: `AWS_REGION`, `AWS_DEFAULT_REGION`, `region` of the profile, `us-east-1`.
pub fn resolve(
    environment: &Environment,
    profiles: &Profiles,
    profile: &str,
    rules: Rules,
) -> Value<String> {
    let mut candidates: Vec<(String, Source)> = Vec::new();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let Some(value) = environment.value(name) else {
            continue;
        };
        candidates.push((value.value, value.source));
        candidates.extend(
            value
                .overridden
                .into_iter()
                .map(|lost| (lost.value, lost.source)),
        );
    }
    candidates.extend(profiles.located(profile, "region"));
    let usable = |(text, source): &(String, Source)| {
        let from_file = source.kind == crate::facts::SourceKind::AwsFile;
        let trimmed = text.trim();
        !trimmed.is_empty()
            && (!from_file || rules.region_from_aws_files())
            && (!rules.drops_malformed_region() || !is_malformed(trimmed))
    };
    // Older versions put the value into the URL as it stands, blanks included (seen with 2.1.170).
    let value = |text: &str| {
        if rules.drops_malformed_region() {
            text.trim().to_owned()
        } else {
            text.to_owned()
        }
    };
    // What a settings file replaced in the shell is no candidate of its own.
    let winner = candidates
        .iter()
        .enumerate()
        .position(|(index, candidate)| {
            usable(candidate) && !is_replaced(&candidates[..index], candidate)
        });
    let lost = |index: Option<usize>| {
        candidates
            .iter()
            .enumerate()
            .filter(|(at, (text, _))| Some(*at) != index && !text.trim().is_empty())
            .map(|(_, (text, source))| Overridden {
                value: text.clone(),
                source: source.clone(),
            })
            .collect()
    };
    match winner {
        Some(index) => Value {
            value: value(&candidates[index].0),
            source: candidates[index].1.clone(),
            overridden: lost(Some(index)),
        },
        None => Value {
            value: "us-east-1".to_owned(),
            source: Source::default_of("us-east-1"),
            overridden: lost(None),
        },
    }
}

/// Whether an earlier candidate is the same variable from a stronger place.
fn is_replaced(earlier: &[(String, Source)], candidate: &(String, Source)) -> bool {
    let variable = |source: &Source| {
        source
            .name
            .as_deref()
            .map(|name| name.trim_start_matches("env.").to_owned())
    };
    candidate.1.kind != crate::facts::SourceKind::AwsFile
        && earlier
            .iter()
            .any(|(_, source)| variable(source) == variable(&candidate.1))
}

/// A value with a slash, dot or inner blank counts as unset.
pub fn is_malformed(region: &str) -> bool {
    region.contains(['/', '.', '\\', ':', '%', '$', '@', '?', '#'])
        || region.contains(char::is_whitespace)
}

/// The partition of a Region: `aws`, `aws-us-gov`, `aws-cn`.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

/// The domain of AWS's host names in a Region.
pub fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}
