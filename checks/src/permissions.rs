//! What policies deny.

mod checkup_calls_allowed;
mod invocation_allowed;
mod permissions_complete;
mod profile_listing_allowed;

pub(crate) use self::checkup_calls_allowed::CheckupCallsAllowed;
pub(crate) use self::invocation_allowed::InvocationAllowed;
pub(crate) use self::permissions_complete::PermissionsComplete;
pub(crate) use self::profile_listing_allowed::ProfileListingAllowed;

use crate::access::Known;
use crate::facts::{InferenceProfile, Source};
use crate::finding::Finding;
use crate::models::{foundation_model, replace_id};

/// The Regions to which a profile may send a request; empty: any.
fn regions(profile: &InferenceProfile) -> impl Iterator<Item = &str> {
    let arns = profile.model_arns.iter();
    arns.filter_map(|arn| arn.split(':').nth(3))
}

/// The listed profile for the same model that can be used from here and sends nothing to the denied Region.
fn avoiding<'a>(
    known: &Known<'a>,
    model: &str,
    is_wanted: impl Fn(&InferenceProfile) -> bool,
) -> Option<&'a InferenceProfile> {
    let listed = known.listed?;
    let here = known.region_of(model);
    listed.profiles.iter().find(|profile| {
        profile.id != model
            && foundation_model(&profile.id) == foundation_model(model)
            && regions(profile).any(|region| region == here)
            && is_wanted(profile)
    })
}

/// The step that uses a profile which sends nothing to a Region that a policy denies; empty: requests without a Region.
///
/// A profile of a geography is offered first. `global.` helps only when the policy lets requests without a Region
/// through, which is said.
fn use_another_profile(finding: Finding, known: &Known<'_>, model: &str, denied: &str) -> Finding {
    let avoids = |profile: &InferenceProfile| regions(profile).all(|region| region != denied);
    let is_fixed = |profile: &InferenceProfile| regions(profile).all(|region| !region.is_empty());
    if let Some(profile) = avoiding(known, model, |it| avoids(it) && is_fixed(it)) {
        return match of_model(known, model) {
            Some((part, source)) => replace_id(finding, part, source, &profile.id),
            None => finding.fix(format!("or use `{}`", profile.id)),
        };
    }
    if denied.is_empty() {
        return finding.fix("or use a profile of a geography, such as `us.` or `eu.`; the account lists none for this model here");
    }
    match avoiding(known, model, avoids) {
        Some(profile) => finding.fix(format!(
            "or use `{}`, if the policy lets requests without a Region through (`aws:RequestedRegion` is `unspecified`)",
            profile.id
        )),
        None => finding.fix(
            "no other inference profile that is listed here serves this model without that Region",
        ),
    }
}

/// The part that a model plays, and where it is set.
fn of_model<'a>(known: &Known<'a>, model: &str) -> Option<(&'static str, &'a Source)> {
    crate::models::in_use(known.configuration)
        .into_iter()
        .find(|(_, value)| value.value == model)
        .map(|(part, value)| (part, &value.source))
}
