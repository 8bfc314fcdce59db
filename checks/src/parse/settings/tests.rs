use proptest::prelude::*;
use serde_json::Value;

use super::{
    INTERESTING, KeyAt, Problem, Settings, SettingsDocument, fault, parse, parse_claude_json,
    parse_managed,
};

#[track_caller]
fn usable(text: &str) -> Settings {
    match parse(text) {
        SettingsDocument::Usable(settings) => settings,
        SettingsDocument::Ignored { problem, .. } => panic!("{problem:?} in {text}"),
    }
}

#[track_caller]
fn ignored(text: &str) -> (Problem, Vec<String>) {
    match parse(text) {
        SettingsDocument::Usable(_) => panic!("usable: {text}"),
        SettingsDocument::Ignored { problem, mentions } => (problem, mentions),
    }
}

/// Expects the file to be ignored, and the problem to read `line:column what`.
#[track_caller]
fn check_ignored(text: &str, want: &str) {
    let (problem, _) = ignored(text);
    let column = problem.column.map_or(String::new(), |at| format!(":{at}"));
    assert_eq!(
        format!("{}{column} {}", problem.line, problem.what),
        want,
        "{text}"
    );
}

fn env(settings: &Settings) -> Vec<(&str, &str, u32)> {
    settings
        .env
        .iter()
        .map(|entry| (entry.name.as_str(), entry.value.as_str(), entry.line))
        .collect()
}

#[test]
fn everything_is_read_with_its_line() {
    let settings = usable(
        r#"{
  "env": {"AWS_REGION": "eu-west-1",
    "CLAUDE_CODE_USE_BEDROCK": 1},
  "model": "opus", "awsAuthRefresh": "aws sso login",
  "awsCredentialExport": "x",
  "apiKeyHelper": "y",
  "modelOverrides": {
    "claude-opus-5": "arn:x"
  },
  "availableModels": ["opus", "sonnet"],
  "forceLoginMethod": "console", "forceLoginOrgUUID": "u",
  "provider": "bedrock", "AWS_PROFILE": "p", "Env": {}, "permissions": {"allow": []}
}"#,
    );
    assert_eq!(
        env(&settings),
        [
            ("AWS_REGION", "eu-west-1", 2),
            ("CLAUDE_CODE_USE_BEDROCK", "1", 3)
        ]
    );
    let model = settings.model.as_ref().unwrap();
    assert_eq!((model.value.as_str(), model.line), ("opus", 4));
    let refresh = settings.aws_auth_refresh.as_ref().unwrap();
    assert_eq!((refresh.value.as_str(), refresh.line), ("aws sso login", 4));
    assert_eq!(settings.aws_credential_export.as_ref().unwrap().line, 5);
    assert_eq!(settings.api_key_helper.as_ref().unwrap().line, 6);
    let opus = &settings.model_overrides["claude-opus-5"];
    assert_eq!((opus.value.as_str(), opus.line), ("arn:x", 8));
    let available = settings.available_models.as_ref().unwrap();
    assert_eq!(
        (available.value.as_slice(), available.line),
        (&["opus".to_owned(), "sonnet".to_owned()][..], 10)
    );
    let key = |name: &str, line| KeyAt {
        name: name.to_owned(),
        line,
    };
    assert_eq!(
        settings.force_login,
        [key("forceLoginMethod", 11), key("forceLoginOrgUUID", 11)]
    );
    assert_eq!(
        settings.misplaced,
        [key("provider", 12), key("AWS_PROFILE", 12), key("Env", 12)]
    );
}

#[test]
fn a_bom_and_crlf_do_no_harm() {
    let settings = usable("\u{feff}{\r\n\"env\": {\r\n\"A\": \"1\"}}\r\n");
    assert_eq!(env(&settings), [("A", "1", 3)]);
    check_ignored("\u{feff}\u{feff}{}", "1:1 a blank that JSON does not know");
}

#[test]
fn the_last_of_a_repeated_key_wins() {
    let settings = usable(
        "{\"env\":{\"A\":\"1\"},\n\"env\":{\"A\":\"2\",\n\"A\":\"3\"},\"model\":5,\"model\":\"x\"}",
    );
    assert_eq!(env(&settings), [("A", "3", 3)]);
    check_ignored(
        r#"{"model":"x","model":5}"#,
        "1 `model` must be text, is a number",
    );
}

#[test]
fn values_of_variables_become_text() {
    let settings = usable(
        r#"{"env":{"a":true,"b":1.50,"c":null,"d":{"x":1},"e":["a",null,[1]],"f":1e999,"g":"\ud800"}}"#,
    );
    let values: Vec<_> = env(&settings).iter().map(|(_, value, _)| *value).collect();
    assert_eq!(
        values,
        [
            "true",
            "1.5",
            "null",
            "[object Object]",
            "a,,1",
            "Infinity",
            "\u{fffd}"
        ]
    );
}

#[test]
fn what_json_does_not_have_is_named() {
    for (text, want) in [
        ("", "1 the file is empty"),
        (" \n", "1 the file is empty"),
        ("[{}]", "1 the file must hold an object in braces"),
        ("{} // c", "1:4 a comment; JSON has none"),
        ("// c\n{}", "1:1 a comment; JSON has none"),
        ("{\n  /* é */}", "2:3 a comment; JSON has none"),
        ("{\"é\": 1 # c\n}", "1:9 a comment; JSON has none"),
        (
            "{\n\"a\": 1,\n}",
            "2:7 a comma before a closing bracket; JSON allows none there",
        ),
        ("{'a': 1}", "1:2 single quotes; JSON has only double ones"),
        (
            "{“a”: 1}",
            "1:2 curly quotes; JSON has only straight double ones",
        ),
        ("{a: 1}", "1:2 a name without double quotes"),
        (
            "{\"a\": True}",
            "1:7 a word that is neither quoted nor JSON",
        ),
        (
            "{\"a\": 1\n\"b\": 2}",
            "2:1 a comma or a colon is missing before this",
        ),
        (
            "{\"a\": 1,, \"b\": 2}",
            "1:9 a comma with nothing before it",
        ),
        ("{\"a\": [1}", "1:9 a closing bracket that does not match"),
        (
            "{\"a\": {}",
            "1:9 the file ends before its last bracket is closed",
        ),
        (
            "{\"a\": \"b\n}",
            "1:7 a text that is not closed on its line",
        ),
        ("{\"a\": \"b", "1:7 a text that is never closed"),
        (
            r#"{"a": "C:\Users"}"#,
            "1:10 a single backslash; in JSON it is written twice",
        ),
        (
            "{\"a\": \"b\tc\"}",
            "1:9 a control character within a text, such as a tab",
        ),
        ("{}{}", "1:3 something after the end of the JSON"),
        ("{\u{a0}}", "1:2 a blank that JSON does not know"),
        ("{\"a\": 01}", "1 something that is not JSON"),
        ("{\"a\" 1}", "1:6 a comma or a colon is missing before this"),
    ] {
        check_ignored(text, want);
    }
}

#[test]
fn a_known_key_of_the_wrong_type_costs_the_file() {
    for (text, want) in [
        (
            "{\"env\":{},\n\"permissions\": \"all\"}",
            "2 `permissions` must be an object, is text",
        ),
        (
            "{\"awsAuthRefresh\": 5}",
            "1 `awsAuthRefresh` must be text, is a number",
        ),
        (
            "{\"env\": [\"A=1\"]}",
            "1 `env` must be an object, is a list",
        ),
        ("{\"env\": null}", "1 `env` must be an object, is null"),
        (
            "{\"disableAllHooks\": \"true\"}",
            "1 `disableAllHooks` must be true or false, is text",
        ),
        (
            "{\"permissions\": {\n\"additionalDirectories\": \"x\"}}",
            "2 `permissions.additionalDirectories` must be a list of texts, is text",
        ),
        (
            "{\"availableModels\": [null]}",
            "1 `availableModels` must be a list of texts, is a list that holds something else",
        ),
        (
            "{\"modelOverrides\": {\"a\": null}}",
            "1 `modelOverrides` must be an object with texts, is an object that holds something else",
        ),
        (
            "{\"cleanupPeriodDays\": 0}",
            "1 `cleanupPeriodDays` must be a whole number from 1 up, is another number",
        ),
        (
            "{\"hooks\": {\"PreToolUse\": {}}}",
            "1 `hooks.PreToolUse` must be a list of objects, is an object",
        ),
    ] {
        check_ignored(text, want);
    }
    for text in [
        r#"{"hooks": [], "theme": 5, "unknown": null, "permissions.allow": 5}"#,
        r#"{"permissions": {"allow": ["nonsense(("], "unknown": 5}, "attribution": false}"#,
        r#"{"enableAllProjectMcpServers": null, "model": "", "__proto__": {"model": 5}}"#,
    ] {
        assert_eq!(usable(text).dropped, []);
    }
}

#[test]
fn what_an_ignored_file_wanted_is_kept() {
    let (_, mentions) = ignored(
        "{'env': {'AWS_REGION': 'x', \"AWS_PROFILE\" : \"y\", \"z\": \"HTTPS_PROXY\"},\n\"model\":1}",
    );
    assert_eq!(mentions, ["AWS_PROFILE", "AWS_REGION", "model"]);
    assert!(INTERESTING.is_sorted());
}

#[test]
fn a_managed_file_loses_only_the_key() {
    let text = r#"{"env":{"A":"1"},"model":5,"permissions":{"defaultMode":5}}"#;
    let SettingsDocument::Usable(settings) = parse_managed(text) else {
        panic!("usable");
    };
    assert_eq!(env(&settings), [("A", "1", 1)]);
    assert_eq!(settings.model, None);
    let dropped: Vec<_> = settings
        .dropped
        .iter()
        .map(|problem| problem.key.as_deref().unwrap())
        .collect();
    assert_eq!(dropped, ["model", "permissions.defaultMode"]);
    assert_eq!(
        parse_managed(""),
        SettingsDocument::Usable(Settings::default())
    );
    assert!(matches!(
        parse_managed("[]"),
        SettingsDocument::Ignored { .. }
    ));
}

#[test]
fn only_variables_count_in_claude_json() {
    let text = r#"{"env":{"A":"1"},"model":5,"awsCredentialExport":"x"}"#;
    let SettingsDocument::Usable(settings) = parse_claude_json(text) else {
        panic!("usable");
    };
    assert_eq!(env(&settings), [("A", "1", 1)]);
    assert_eq!(settings.aws_credential_export, None);
}

#[test]
fn nesting_and_huge_numbers_do_no_harm() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text = format!(
        r#"{{"x": {deep}, "y": {}, "env": {{"A": {deep}}}}}"#,
        "9".repeat(9999)
    );
    assert_eq!(env(&usable(&text)), [("A", "", 1)]);
    check_ignored(
        &"[".repeat(100_000),
        "1:100001 the file ends before its last bracket is closed",
    );
}

#[test]
fn no_value_shows() {
    let text = r#"{"env":{"A":"sk-secret"},"model":"sk-secret","awsAuthRefresh":"sk-secret",
        "modelOverrides":{"a":"sk-secret"},"availableModels":["sk-secret"]}"#;
    assert!(!format!("{:?}", usable(text)).contains("sk-secret"));
    for text in [
        r#"{"model": sk-secret}"#,
        r#"{"model": {"sk-secret": 1}}"#,
        r#"{"model": "sk-secret"#,
        r#"{"permissions": "sk-secret"}"#,
        "{\"model\": \"\\sk-secret\"}",
    ] {
        assert!(!format!("{:?}", parse(text)).contains("sk-secret"));
    }
}

/// Any JSON value, not too deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(&["env", "model", "permissions", "allow", "hooks", "sandbox"][..])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _any = (parse(&text), parse_managed(&text), parse_claude_json(&text));
    }

    #[test]
    fn json_like_text_is_read_without_panic(text in "[\\[\\]{}:,\"'/\\\\ a1é\u{feff}\u{0}\n-]{0,24}") {
        let _any = (parse(&text), parse_managed(&text), parse_claude_json(&text));
    }

    #[test]
    fn no_fault_is_found_in_json(value in value()) {
        let json = serde_json::to_string_pretty(&value).unwrap();
        prop_assert!(fault::find(&json).is_none(), "{}", json);
    }

    #[test]
    fn objects_are_read_whatever_is_in_them(
        members in prop::collection::btree_map(key(), value(), 0..6),
    ) {
        let json = serde_json::to_string(&members).unwrap();
        match parse(&json) {
            SettingsDocument::Usable(_) => {}
            SettingsDocument::Ignored { problem, .. } => prop_assert!(problem.key.is_some()),
        }
    }

    #[test]
    fn written_variables_are_read_back(
        variables in prop::collection::btree_map(any::<String>(), any::<String>(), 0..6),
    ) {
        let json = serde_json::json!({ "env": variables });
        let text = serde_json::to_string_pretty(&json).unwrap();
        let settings = usable(&text);
        let lines: Vec<_> = text.lines().collect();
        prop_assert_eq!(settings.env.len(), variables.len());
        for entry in &settings.env {
            prop_assert_eq!(variables.get(&entry.name), Some(&entry.value));
            let name = serde_json::to_string(&entry.name).unwrap();
            prop_assert!(lines[entry.line as usize - 1].trim_start().starts_with(&name));
        }
    }
}
