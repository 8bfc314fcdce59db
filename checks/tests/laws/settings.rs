//! The settings files of Claude Code.

use std::collections::BTreeMap;

use bedrock_doctor_checks::parse::settings::{
    INTERESTING, SettingsDocument, parse, parse_claude_json, parse_managed,
};
use serde_json::Value;

pub(crate) fn hold(text: &str) {
    let last = text.split('\n').count();
    let in_file = |line: u32| (1..=last).contains(&(line as usize));
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = serde_json::from_str::<Value>(json).ok();
    for document in [parse(text), parse_managed(text), parse_claude_json(text)] {
        match document {
            SettingsDocument::Usable(settings) => {
                assert!(settings.env.iter().all(|entry| in_file(entry.line)));
                assert!(settings.dropped.iter().all(|key| in_file(key.line)));
                let Some(json) = &json else { continue };
                let read: BTreeMap<&str, &str> = settings
                    .env
                    .iter()
                    .map(|entry| (entry.name.as_str(), entry.value.as_str()))
                    .collect();
                for (name, value) in json["env"].as_object().into_iter().flatten() {
                    let read = read.get(name.as_str()).copied();
                    assert!(read.is_some());
                    assert!(value.is_number() || !value.is_string() || read == value.as_str());
                }
            }
            SettingsDocument::Ignored { problem, mentions } => {
                assert!(in_file(problem.line), "{problem:?}");
                assert!(json.is_none() || problem.column.is_none(), "{problem:?}");
                let known = |name: &String| INTERESTING.contains(&name.as_str());
                assert!(mentions.iter().all(known));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn for_a_nesting_bomb() {
        let (open, close) = ("{\"a\":".repeat(50_000), "}".repeat(50_000));
        hold(&format!(r#"{{"permissions": {open}1{close}}}"#));
    }

    proptest! {
        #[test]
        fn for_what_looks_like_settings(
            before in "(\u{feff})?[ \n]{0,2}",
            members in prop::collection::vec(("(env|model|permissions|hooks|apiKeyHelper|modelOverrides|x)", "(1|null|\"a\\\\\\\\n\"|\\{\"AWS_REGION\": (\"x\"|1e3|true)\\}|\\[\"a\",\n1\\]|\\{\\}|//|é)"), 0..5),
            comma in "(, ?|,\n|;)",
            after in "(\\}|\\},|\\}\n\n|)",
        ) {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("\"{key}\": {value}"))
                .collect();
            hold(&format!("{before}{{{}{after}", members.join(&comma)));
        }
    }
}
