//! The Region in use: where it comes from, and whether AWS has it.

mod region_chosen;
mod region_exists;

pub(crate) use self::region_chosen::RegionChosen;
pub(crate) use self::region_exists::{RegionExists, meant};
use crate::configuration::set_at;
use crate::facts::{Source, SourceKind};
use crate::finding::Finding;
use crate::text::shell_word;

/// Adds the step that sets the Region where it stands.
pub(crate) fn set_region(finding: Finding, source: &Source, region: &str) -> Finding {
    let name = source.name.as_deref().unwrap_or("AWS_REGION");
    let profile = name.strip_prefix('[').and_then(|name| name.split_once(']'));
    match (source.kind, profile) {
        (SourceKind::AwsFile, Some((profile, _))) => finding.fix_command(
            format!("set the Region of profile `{profile}`"),
            format!(
                "aws configure set region {region} --profile {}",
                shell_word(profile)
            ),
        ),
        (SourceKind::Environment | SourceKind::Default | SourceKind::Flag, _) => {
            let name = if name == "AWS_DEFAULT_REGION" {
                name
            } else {
                "AWS_REGION"
            };
            set_at(finding, &Source::environment(name), name, region)
        }
        _ => set_at(finding, source, name, region),
    }
}
