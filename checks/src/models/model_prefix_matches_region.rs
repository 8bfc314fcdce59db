use super::{
    before_a_switch, chosen, foundation_model, list_ids, listed_for, model_id_well_formed, prefix,
    region_prefix, replace_id,
};
use crate::check::{Check, Family, Meta, Seen, absent, not_for};
use crate::facts::{Configuration, InferenceProfiles, Observed, Value};
use crate::finding::{Basis, Finding, Status};
use crate::probe::ProbeId;

/// See [`Meta::docs`].
pub(crate) struct ModelPrefixMatchesRegion;

impl Check for ModelPrefixMatchesRegion {
    const META: &'static Meta = &Meta {
        id: "model-prefix-matches-region",
        family: Family::Models,
        title: "the prefixes of the model ids belong to the Region",
        file: file!(),
        docs: "
## What it looks at

The prefix of each inference profile id (`us.`, `eu.`, `apac.`, `jp.`, `au.`, `us-gov.`, `global.`)
against the Region in use and the profiles that the account lists there.

## Why it matters

A profile of another geography does not exist in the Region: Bedrock answers
`The provided model identifier is invalid`. Ids saved by `/model` outlive a change of the Region.

## How to fix it

Use the id that `aws bedrock list-inference-profiles` shows for the model.
`ANTHROPIC_BEDROCK_REGION_PREFIX` sets the prefix of models that are not pinned.
",
    };

    type Needs<'a> = (&'a Configuration, Seen<'a, InferenceProfiles>);

    fn run((configuration, Seen(listed)): Self::Needs<'_>) -> Vec<Finding> {
        if !configuration.provider.value.uses_bedrock() {
            return vec![not_for(configuration.provider.value)];
        }
        let findings: Vec<Finding> = chosen(configuration)
            .into_iter()
            .filter_map(|(part, model)| {
                let finding = judge(part, model, configuration, listed)?;
                Some(before_a_switch(finding.subject(&model.value), part))
            })
            .collect();
        if findings.is_empty() {
            return vec![Finding::not_applicable(
                "no model id has the prefix of an inference profile",
            )];
        }
        findings
    }
}

/// Judges the prefix of one id; nothing when it has none.
pub(super) fn judge(
    part: &str,
    model: &Value<String>,
    configuration: &Configuration,
    listed: &Observed<InferenceProfiles>,
) -> Option<Finding> {
    let id = model.value.as_str();
    let prefix = prefix(id)?;
    // An id of a wrong form is judged by its form.
    if model_id_well_formed::judge(part, model, configuration).status == Status::Fail {
        return None;
    }
    let elsewhere = configuration.background_region.as_ref();
    let elsewhere = elsewhere.filter(|_| part == "background model");
    let region = elsewhere.unwrap_or(&configuration.region).value.as_str();
    // The list is that of the Region of the main model.
    let nobody = Observed::default();
    let listed = if elsewhere.is_some() { &nobody } else { listed };
    let source = model.source.words();
    let elsewhere = |finding: Finding, meant: &str| {
        let finding = replace_id(
            finding.why("Bedrock answers `The provided model identifier is invalid`"),
            part,
            &model.source,
            meant,
        );
        list_ids(finding, "this shows which ids the account can use", region)
    };
    let code = if prefix == "us-gov" || region.starts_with("us-gov-") {
        "govcloud-prefix"
    } else {
        "profile-prefix-wrong-for-region"
    };
    let guess = format!("{}.{}", region_prefix(region), foundation_model(id));
    Some(match (listed, fits(prefix, region)) {
        (Observed::Known(listed), _) if listed.lists(id) => {
            Finding::pass(format!("the {part} `{id}` is listed in `{region}`"))
        }
        (Observed::Known(listed), fits) => match listed_for(listed, id) {
            Some(meant) if super::prefix(meant) != Some(prefix) => elsewhere(
                Finding::fail(
                    code,
                    format!("the {part} `{id}` ({source}) does not exist in `{region}`; the account lists `{meant}` there"),
                ),
                meant,
            ),
            _ if fits == Some(false) => elsewhere(
                Finding::fail(
                    code,
                    format!("the {part} `{id}` ({source}) has the prefix of another geography than `{region}` and is not listed there"),
                ),
                &guess,
            ),
            _ => list_ids(
                Finding::warn(
                    "model-not-in-region",
                    format!("the {part} `{id}` ({source}) is not among the inference profiles listed in `{region}`"),
                )
                .why("the id may be misspelt, or the model not offered there; the call decides"),
                "take an id from this list",
                region,
            ),
        },
        (_, Some(true)) => Finding::pass(format!("the prefix of the {part} `{id}` belongs to `{region}`"))
            .evidence(Basis::Inferred, "the prefix; the account's list is not known"),
        (_, Some(false)) => elsewhere(
            Finding::warn(
                code,
                format!("the {part} `{id}` ({source}) has the prefix of another geography than `{region}`"),
            )
            .evidence(Basis::Inferred, "the prefix; the account's list is not known"),
            &guess,
        ),
        (_, None) => absent(ProbeId::InferenceProfiles, listed),
    })
}

/// Whether profiles with this prefix can be called from the Region; nothing when only AWS knows.
fn fits(prefix: &str, region: &str) -> Option<bool> {
    if prefix == "us-gov" || region.starts_with("us-gov-") {
        return Some(prefix == "us-gov" && region.starts_with("us-gov-"));
    }
    if region.starts_with("cn-") {
        return Some(false);
    }
    let geography = match prefix {
        "global" => return Some(true),
        "us" | "eu" => prefix,
        "apac" | "jp" | "au" => "ap",
        _ => return None,
    };
    // Regions of other geographies, such as `ca-` and `il-`, are served by some of these profiles.
    let (of_region, _) = region.split_once('-')?;
    ["us", "eu", "ap"]
        .contains(&of_region)
        .then_some(of_region == geography)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Entry;
    use crate::facts::{Absence, Facts, InferenceProfile};
    use crate::finding::Status;
    use crate::sample::{configured, from_shell, healthy, now, only, refusal, verdicts};

    const CHECK: Entry = Entry::of::<ModelPrefixMatchesRegion>();
    const WRONG: Option<&str> = Some("profile-prefix-wrong-for-region");

    fn with(id: &str, region: &str, listed: Observed<InferenceProfiles>) -> Facts {
        let mut facts = configured(|configuration| {
            configuration.region = from_shell("AWS_REGION", region.into());
            configuration.models.main = from_shell("ANTHROPIC_MODEL", id.into());
            configuration.models.background = configuration.models.main.clone();
        });
        facts.inference_profiles = listed;
        facts
    }

    fn listing(ids: &[&str]) -> Observed<InferenceProfiles> {
        let profiles = ids.iter().map(|id| InferenceProfile {
            id: (*id).into(),
            model_arns: vec![],
        });
        Observed::Known(InferenceProfiles {
            profiles: profiles.collect(),
        })
    }

    fn offline() -> Observed<InferenceProfiles> {
        Observed::NotCollected(Absence::Offline)
    }

    #[test]
    fn passes_for_both_models() {
        assert_eq!(
            verdicts(&CHECK, &healthy()),
            [(Status::Pass, None), (Status::Pass, None)]
        );
    }

    #[test]
    fn fails_and_names_the_listed_profile() {
        let listed = listing(&["eu.anthropic.claude-sonnet-4-6"]);
        let finding = only(
            &CHECK,
            &with("us.anthropic.claude-sonnet-4-6", "eu-west-1", listed),
            Status::Fail,
            WRONG,
        );
        assert_eq!(
            finding.fix[0].command.as_deref(),
            Some("export ANTHROPIC_MODEL=eu.anthropic.claude-sonnet-4-6")
        );
    }

    #[test]
    fn fails_with_the_prefix_of_the_region_when_the_model_is_not_listed() {
        let listed = listing(&["eu.anthropic.claude-haiku-4-5-20251001-v1:0"]);
        let finding = only(
            &CHECK,
            &with("us.anthropic.claude-sonnet-4-6", "eu-west-1", listed),
            Status::Fail,
            WRONG,
        );
        assert!(
            finding.fix[0]
                .text
                .contains("eu.anthropic.claude-sonnet-4-6")
        );
    }

    #[test]
    fn one_geography_may_have_several_prefixes() {
        let listed = listing(&["jp.anthropic.claude-sonnet-4-6"]);
        only(
            &CHECK,
            &with("apac.anthropic.claude-sonnet-4-6", "ap-northeast-1", listed),
            Status::Fail,
            WRONG,
        );
    }

    #[test]
    fn warns_when_the_model_is_not_listed_at_all() {
        let facts = with("eu.anthropic.claude-sonnet-4-6", "eu-west-1", listing(&[]));
        only(&CHECK, &facts, Status::Warn, Some("model-not-in-region"));
    }

    #[test]
    fn the_list_outweighs_the_table() {
        let listed = listing(&["us.anthropic.claude-sonnet-4-6"]);
        only(
            &CHECK,
            &with("us.anthropic.claude-sonnet-4-6", "eu-west-1", listed),
            Status::Pass,
            None,
        );
    }

    #[test]
    fn offline_the_prefix_alone_decides() {
        for (prefix, region, status) in [
            ("us", "us-west-2", Status::Pass),
            ("us", "eu-west-1", Status::Warn),
            ("us", "us-gov-west-1", Status::Warn),
            ("us-gov", "us-gov-west-1", Status::Pass),
            ("us-gov", "us-west-2", Status::Warn),
            ("global", "sa-east-1", Status::Pass),
            ("global", "us-gov-west-1", Status::Warn),
            ("jp", "ap-northeast-1", Status::Pass),
            ("apac", "eu-west-1", Status::Warn),
            ("us", "ca-central-1", Status::NotApplicable),
        ] {
            let facts = with(
                &format!("{prefix}.anthropic.claude-sonnet-4-6"),
                region,
                offline(),
            );
            let code = if prefix == "us-gov" || region.starts_with("us-gov-") {
                Some("govcloud-prefix")
            } else {
                WRONG
            };
            only(
                &CHECK,
                &facts,
                status,
                code.filter(|_| status == Status::Warn),
            );
        }
    }

    #[test]
    fn a_denied_list_leaves_the_prefix() {
        let denied = Observed::Failed(refusal("bedrock", 403, "AccessDeniedException", "no"));
        only(
            &CHECK,
            &with("us.anthropic.claude-sonnet-4-6", "eu-west-1", denied),
            Status::Warn,
            WRONG,
        );
    }

    #[test]
    fn does_not_apply_to_arns_and_bare_ids() {
        for id in [
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
            "claude-opus-5",
        ] {
            only(
                &CHECK,
                &with(id, "us-east-1", offline()),
                Status::NotApplicable,
                None,
            );
        }
    }

    #[test]
    fn cannot_tell_when_nobody_looked() {
        only(&CHECK, &Facts::at(now()), Status::CannotTell, None);
    }
}
