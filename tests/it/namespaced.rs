//! Cases that need an `/etc` of their own: each runs in a mount namespace where that is a made-up folder.

use bedrock_doctor_world::World;
use serde_json::Value;

use crate::harness::{assert_owner, checkup, machine};
use crate::namespace;

/// Runs the case of the test called `name` in a namespace with these files in `/etc`.
fn alone(name: &str, files: &[(&str, &str)], case: impl FnOnce()) {
    namespace::alone(&format!("namespaced::{name}"), files, case);
}

#[track_caller]
fn assert_says(root: &Value, words: &[&str]) {
    let what = root["what"].as_str().unwrap();
    for word in words {
        assert!(what.contains(word), "`{word}` is missing: {what}");
    }
}

#[test]
fn managed_settings_win_over_the_user_s() {
    let managed = r#"{"env": {"AWS_REGION": "us-west-2"}}"#;
    let files = [("claude-code/managed-settings.json", managed)];
    alone("managed_settings_win_over_the_user_s", &files, || {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine.file(
            "~/.claude/settings.json",
            r#"{"env": {"AWS_REGION": "eu-west-1"}}"#,
        );
        let checkup = checkup(&machine);
        checkup.healthy();
        let region = &checkup.report["facts"]["configuration"]["value"]["region"];
        assert_eq!(region["value"], "us-west-2");
        assert_eq!(
            region["source"]["path"],
            "/etc/claude-code/managed-settings.json"
        );
        let lost = region["overridden"].to_string();
        assert!(
            lost.contains("eu-west-1") && lost.contains("us-east-1"),
            "{lost}"
        );
        assert!(
            world
                .requests()
                .iter()
                .all(|request| request.region == "us-west-2")
        );
    });
}

#[test]
fn a_later_managed_file_wins_over_the_main_one() {
    let files = [
        (
            "claude-code/managed-settings.json",
            r#"{"env": {"AWS_REGION": "us-west-2"}}"#,
        ),
        (
            "claude-code/managed-settings.d/10-region.json",
            r#"{"env": {"AWS_REGION": "us-east-2"}}"#,
        ),
    ];
    alone(
        "a_later_managed_file_wins_over_the_main_one",
        &files,
        || {
            let world = World::healthy();
            let checkup = checkup(&machine(&world));
            checkup.healthy();
            let region = &checkup.report["facts"]["configuration"]["value"]["region"];
            assert_eq!(region["value"], "us-east-2");
        },
    );
}

#[test]
fn broken_managed_settings_are_for_the_administrator() {
    let files = [(
        "claude-code/managed-settings.json",
        "{\n  \"env\": {\"AWS_REGION\": \"us-west-2\"},\n}\n",
    )];
    alone(
        "broken_managed_settings_are_for_the_administrator",
        &files,
        || {
            let world = World::healthy();
            let checkup = checkup(&machine(&world));
            let root = checkup.one_root(2, "settings-files-usable", "managed-settings-invalid");
            assert_owner(root, "account-admin");
            assert_says(root, &["/etc/claude-code/managed-settings.json", "line 2"]);
            assert!(root["hand_off"].is_string(), "{root}");
        },
    );
}
