//! Every check, in the order people read them.

use crate::check::Entry;
use crate::{
    configuration, credentials, identity, models, network, permissions, quotas, region, sso,
    version,
};

/// Every check, in the order people read them.
pub static ALL: &[Entry] = &[
    Entry::of::<configuration::BedrockEnabled>(),
    Entry::of::<configuration::SettingsFilesUsable>(),
    Entry::of::<configuration::VariablesKnown>(),
    Entry::of::<configuration::VariablesConsistent>(),
    Entry::of::<configuration::ProjectSettingsHarmless>(),
    Entry::of::<credentials::AwsFilesReadable>(),
    Entry::of::<credentials::ProfileExists>(),
    Entry::of::<credentials::CredentialHelperWorks>(),
    Entry::of::<credentials::RoleAssumable>(),
    Entry::of::<credentials::ApiKeyUsable>(),
    Entry::of::<credentials::CredentialsNotExpired>(),
    Entry::of::<credentials::SessionTokenPresent>(),
    Entry::of::<credentials::CredentialSourceFound>(),
    Entry::of::<credentials::AwsCliAgrees>(),
    Entry::of::<sso::SsoProfileComplete>(),
    Entry::of::<sso::SsoTokenPresent>(),
    Entry::of::<sso::SsoTokenFresh>(),
    Entry::of::<sso::SsoRoleAssigned>(),
    Entry::of::<network::EndpointsReachable>(),
    Entry::of::<network::EndpointServesBedrock>(),
    Entry::of::<network::ClockInStep>(),
    Entry::of::<network::CaFilesUsable>(),
    Entry::of::<network::ConnectionsFast>(),
    Entry::of::<network::ServiceAvailable>(),
    Entry::of::<identity::CredentialsAccepted>(),
    Entry::of::<identity::AccountExpected>(),
    Entry::of::<identity::PartitionMatchesRegion>(),
    Entry::of::<region::RegionChosen>(),
    Entry::of::<region::RegionExists>(),
    Entry::of::<models::ModelIdWellFormed>(),
    Entry::of::<models::ModelPrefixMatchesRegion>(),
    Entry::of::<models::MantleListsModels>(),
    Entry::of::<models::ModelIdAccepted>(),
    Entry::of::<models::ModelLifecycleActive>(),
    Entry::of::<models::UseCaseFormSubmitted>(),
    Entry::of::<models::ModelAccessGranted>(),
    Entry::of::<models::RequestFormAccepted>(),
    Entry::of::<permissions::ProfileListingAllowed>(),
    Entry::of::<permissions::InvocationAllowed>(),
    Entry::of::<permissions::PermissionsComplete>(),
    Entry::of::<permissions::CheckupCallsAllowed>(),
    Entry::of::<quotas::RequestsNotThrottled>(),
    Entry::of::<quotas::QuotasSufficient>(),
    Entry::of::<version::ClaudeCodeVersionKnownGood>(),
];

/// Whether a pattern of `--only` or `--skip` means this check: its id or its family, `*` for any text.
pub fn matches(check: &Entry, pattern: &str) -> bool {
    glob(pattern, check.meta.id) || glob(pattern, check.meta.family.name())
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// How many characters two ids begin with alike.
fn alike(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(one, other)| one == other).count()
}

/// The id that shares most words with a mistyped one.
pub fn nearest(id: &str) -> Option<&'static str> {
    let words = |text: &str| -> Vec<String> {
        text.split(['-', '_', ' ']).map(str::to_lowercase).collect()
    };
    let typed = words(id);
    ALL.iter()
        .map(|check| {
            let shared = words(check.meta.id)
                .iter()
                .filter(|word| typed.contains(word))
                .count();
            (shared, check.meta.id)
        })
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, known)| (*shared, alike(known, id)))
        .map(|(_, id)| id)
}

/// The page of a check, in Markdown.
pub fn page(check: &Entry) -> String {
    let meta = check.meta;
    let probes: Vec<String> = check
        .needed_probes()
        .map(|probe| format!("`{}`", probe.name()))
        .collect();
    let reads = if probes.is_empty() {
        "the answers of all probes".to_owned()
    } else {
        probes.join(", ")
    };
    format!(
        "# {id}\n\nHolds when {title}.\n\nFamily: {family}.\nReads: {reads}.\n\n{docs}\n",
        id = meta.id,
        title = meta.title,
        family = meta.family.name(),
        docs = meta.docs.trim(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::Facts;
    use crate::finding::Status;
    use crate::sample::{healthy, now};

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for check in ALL {
            let id = check.meta.id;
            assert!(seen.insert(id), "{id} twice");
            assert!(
                id.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{id}"
            );
        }
    }

    #[test]
    fn files_are_named_after_ids() {
        for check in ALL {
            let file = check.meta.file.rsplit(['/', '\\']).next().unwrap();
            assert_eq!(file, format!("{}.rs", check.meta.id.replace('-', "_")));
        }
    }

    #[test]
    fn titles_are_phrases() {
        for check in ALL {
            let title = check.meta.title;
            assert!(
                !title.ends_with('.') && title.chars().count() <= 72,
                "{title}"
            );
        }
    }

    #[test]
    fn docs_have_every_heading() {
        for check in ALL {
            for heading in [
                "## What it looks at\n",
                "## Why it matters\n",
                "## How to fix it\n",
            ] {
                assert!(
                    check.meta.docs.contains(heading),
                    "{}: {heading}",
                    check.meta.id
                );
            }
        }
    }

    #[test]
    fn a_check_says_something_about_any_machine() {
        for facts in [Facts::at(now()), healthy()] {
            for check in ALL {
                let (findings, panicked) = check.run(&facts);
                assert!(!panicked.0, "{}", check.meta.id);
                assert!(!findings.is_empty(), "{}", check.meta.id);
            }
        }
    }

    #[test]
    fn a_healthy_machine_passes() {
        for check in ALL {
            for finding in check.run(&healthy()).0 {
                assert!(
                    matches!(finding.status, Status::Pass | Status::NotApplicable),
                    "{finding:#?}"
                );
            }
        }
    }

    #[test]
    fn nothing_observed_is_never_a_pass() {
        for check in ALL {
            for finding in check.run(&Facts::at(now())).0 {
                assert!(
                    matches!(finding.status, Status::CannotTell | Status::NotApplicable),
                    "{finding:#?}"
                );
            }
        }
    }

    #[test]
    fn old_reports_load() {
        let facts: Facts = serde_json::from_str(r#"{"now": "2026-11-22T18:00:00Z"}"#).unwrap();
        assert_eq!(facts, Facts::at(now()));
    }

    #[test]
    fn facts_survive_a_round_trip() {
        let facts = healthy();
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }

    #[test]
    fn globs_cover_any_text() {
        assert!(glob("sso-*", "sso-token-fresh"));
        assert!(glob("*token*", "sso-token-fresh"));
        assert!(glob("sso", "sso"));
        assert!(!glob("sso", "sso-token-fresh"));
        assert!(!glob("*x", "sso"));
        assert!(glob("*", ""));
    }
}
