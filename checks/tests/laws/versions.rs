//! The version of Claude Code.

use bedrock_doctor_checks::claude_code::versions::{CHANGES, NEWEST_KNOWN, Rules, Version};

pub(crate) fn hold(text: &str) {
    let Some(version) = Version::parse(text) else {
        return;
    };
    let written = version.to_string();
    assert_eq!(Version::parse(&written), Some(version));
    assert_eq!(Version::parse(&format!("{written}-{text}")), Some(version));

    let rules = Rules::of(Some(version));
    assert!(rules.version <= NEWEST_KNOWN);
    assert!(rules.defaults().is_some() && rules.mantle_defaults().is_some());
    let next = Version {
        patch: version.patch.saturating_add(1),
        ..version
    };
    let next = Rules::of(Some(next));
    for change in CHANGES.iter() {
        assert!(!rules.has(change.rule) || next.has(change.rule));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_what_looks_like_a_version(
            text in " ?[v+]?[0-9]{1,10}(\\.[0-9]{1,5}){1,3}([-+ ][a-z0-9. ()]{0,12})?",
        ) {
            hold(&text);
        }

        #[test]
        fn a_written_version_is_read_back(numbers: (u32, u32, u32)) {
            let version = Version::new(numbers.0, numbers.1, numbers.2);
            prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }
}
