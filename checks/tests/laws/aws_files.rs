//! `~/.aws/config` and `~/.aws/credentials`, as Claude Code reads them.

use bedrock_doctor_checks::parse::ini::{FileKind, merge, parse};

pub(crate) fn hold(text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = |number: u32| lines.get((number as usize).wrapping_sub(1));
    let (config, credentials) = (
        parse(text, FileKind::Config),
        parse(text, FileKind::Credentials),
    );
    for file in [&config, &credentials] {
        let sections = file.profiles.values().chain(file.sso_sessions.values());
        for section in sections.chain(file.services.values()) {
            assert!(line(section.line).is_some_and(|line| line.contains('[')));
            // An assignment to `__proto__` makes the section and no key.
            assert!(!section.keys.is_empty() || text.contains("__proto__"));
            for (key, entry) in &section.keys {
                let found = |line: &&str| {
                    line.contains(&entry.value)
                        && line.contains(key.rsplit('.').next().unwrap_or(key))
                };
                assert!(!entry.value.is_empty());
                assert!(line(entry.line).is_some_and(found), "{key:?} {text:?}");
                assert!(section.line < entry.line);
            }
        }
        let in_file = |ignored: u32| line(ignored).is_some();
        assert!(file.ignored.iter().all(|ignored| in_file(ignored.line)));
    }
    assert!(credentials.sso_sessions.is_empty() && credentials.services.is_empty());

    let merged = merge(&config, &credentials);
    for (name, section) in &config.profiles {
        for (key, entry) in &section.keys {
            let winner = credentials.profiles.get(name).and_then(|of| of.get(key));
            let read = merged.get(name).and_then(|profile| profile.get(key));
            assert_eq!(read, Some(winner.unwrap_or(&entry.value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn for_what_looks_like_a_file(lines in prop::collection::vec(prop_oneof![
            "\\[ ?((profile|sso-session|services|x)[ \t.])?[\"']?[a-c.]{1,2}[\"']? ?\\] ?(# x)?\r?",
            "[ \t]{0,2}(region|REGION|endpoint_url|s3|é|__proto__) ?[=:]? ?[a-z=#; \u{85}\u{a0}é]{0,6}\r?",
            any::<String>(),
        ], 0..20)) {
            hold(&lines.join("\n"));
        }
    }
}
