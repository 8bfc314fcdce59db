//! Variables and settings files: what is off, lost, beaten or misspelt.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::fs;

use bedrock_doctor_world::{Machine, Rule, World};
use serde_json::Value;

use crate::harness::{
    Checkup, DOCTOR, assert_fix, assert_owner, bare, checkup, checkup_with, machine,
};

const NOBODY: [&str; 0] = [];
const EXPORT: &str = "export CLAUDE_CODE_USE_BEDROCK=1";

/// A machine with good keys, a Region, and Bedrock not switched on.
fn without_flag(world: &World) -> Machine {
    let mut machine = machine(world);
    machine.env_remove("CLAUDE_CODE_USE_BEDROCK");
    machine
}

/// A machine with good keys; Bedrock and the Region stand in the user's settings file, which has this text.
fn with_settings(world: &World, text: &str) -> Machine {
    let mut machine = without_flag(world);
    machine
        .env_remove("AWS_REGION")
        .file("~/.claude/settings.json", text);
    machine
}

fn what(finding: &Value) -> &str {
    finding["what"].as_str().unwrap()
}

/// Asserts that nobody was asked, and that nothing which needs AWS is called good.
#[track_caller]
fn nothing_asked(world: &World, told: &Checkup) {
    assert_eq!(world.connects(), NOBODY);
    assert_eq!(world.operations(), NOBODY);
    for id in [
        "credentials-accepted",
        "profile-listing-allowed",
        "invocation-allowed",
        "model-access-granted",
    ] {
        for finding in told.findings(id) {
            assert_ne!(finding["status"], "pass", "{finding:#}");
        }
    }
}

#[test]
fn a_machine_on_which_nothing_is_configured_is_told_how_to_begin() {
    let world = World::healthy();
    let machine = Machine::new(&world);
    let told = checkup(&machine);
    let root = told.one_root(1, "bedrock-enabled", "host-process-missing-bedrock-env");
    assert!(what(root).contains("`CLAUDE_CODE_USE_BEDROCK`"), "{root:#}");
    assert_owner(root, "you");
    assert_fix(root, EXPORT);
    assert_fix(root, "bedrock-doctor demo");
    nothing_asked(&world, &told);
    let run = machine.run(DOCTOR, &[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("bedrock-doctor demo") && run.stdout.contains(EXPORT),
        "{}",
        run.stdout
    );
}

#[test]
fn a_flag_that_is_not_on_leaves_bedrock_off() {
    for value in ["0", "false", "ture", "2", "y"] {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine.env("CLAUDE_CODE_USE_BEDROCK", value);
        let told = checkup(&machine);
        let root = told.one_root(1, "bedrock-enabled", "bedrock-flag-off");
        assert!(what(root).contains(&format!("`{value}`")), "{root:#}");
        assert_owner(root, "you");
        assert_fix(root, EXPORT);
        nothing_asked(&world, &told);
    }
}

#[test]
fn an_empty_flag_in_the_settings_beats_the_one_of_the_shell() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.file(
        "~/.claude/settings.json",
        "{\n  \"env\": {\n    \"CLAUDE_CODE_USE_BEDROCK\": \"\"\n  }\n}\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "bedrock-enabled", "bedrock-flag-off");
    let said = what(root);
    assert!(
        said.contains("~/.claude/settings.json:3")
            && said.contains("it beats `CLAUDE_CODE_USE_BEDROCK` in the environment"),
        "{said}"
    );
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +3 ~/.claude/settings.json"#);
    nothing_asked(&world, &told);
}

#[test]
fn a_misspelt_flag_is_recognised() {
    let world = World::healthy();
    let mut machine = without_flag(&world);
    machine.env("CLAUDE_CODE_USE_BEDROK", "1");
    let told = checkup(&machine);
    let root = told.one_root(1, "bedrock-enabled", "misspelled-or-foreign-variable");
    assert!(what(root).contains("`CLAUDE_CODE_USE_BEDROK`"), "{root:#}");
    assert_owner(root, "you");
    assert_fix(root, EXPORT);
    nothing_asked(&world, &told);
}

#[test]
fn another_provider_is_named() {
    let world = World::healthy();
    let mut machine = without_flag(&world);
    machine.env("CLAUDE_CODE_USE_VERTEX", "1");
    let told = checkup(&machine);
    let root = told.one_root(1, "bedrock-enabled", "another-provider");
    assert_fix(root, EXPORT);
    assert_fix(root, "unset CLAUDE_CODE_USE_VERTEX");
    nothing_asked(&world, &told);
}

#[test]
fn one_wrong_type_loses_the_whole_settings_file_with_the_flag() {
    let world = World::healthy();
    let text = "{\n  \"env\": {\"CLAUDE_CODE_USE_BEDROCK\": \"1\", \"AWS_REGION\": \"us-east-1\"},\n  \"permissions\": \"all\"\n}\n";
    let told = checkup(&with_settings(&world, text));
    let root = told.one_root(1, "settings-files-usable", "settings-file-ignored");
    let said = what(root);
    for part in [
        "`~/.claude/settings.json`",
        "line 3",
        "`permissions`",
        "`CLAUDE_CODE_USE_BEDROCK`",
        "`AWS_REGION`",
    ] {
        assert!(said.contains(part), "no {part}: {said}");
    }
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +3 ~/.claude/settings.json"#);
    told.blocked_by("settings-files-usable", &["bedrock-enabled"]);
    nothing_asked(&world, &told);
}

#[test]
fn one_wrong_type_loses_the_region() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env_remove("AWS_REGION").file(
        "~/.claude/settings.json",
        "{\n  \"awsAuthRefresh\": 5,\n  \"env\": {\"AWS_REGION\": \"eu-west-1\"}\n}\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "settings-files-usable", "settings-file-ignored");
    let said = what(root);
    assert!(
        said.contains("line 2")
            && said.contains("`awsAuthRefresh`")
            && said.contains("`AWS_REGION`"),
        "{said}"
    );
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +2 ~/.claude/settings.json"#);
    told.blocked_by("settings-files-usable", &["region-chosen"]);
}

#[test]
fn a_comment_loses_the_whole_settings_file() {
    let world = World::healthy();
    let text = "{\n  // Bedrock\n  \"env\": {\"CLAUDE_CODE_USE_BEDROCK\": \"1\"}\n}\n";
    let told = checkup(&with_settings(&world, text));
    let root = told.one_root(1, "settings-files-usable", "settings-file-ignored");
    assert!(
        what(root).contains("line 2") && what(root).contains("comment"),
        "{root:#}"
    );
    assert!(
        root["fix"]
            .to_string()
            .contains("remove the comment in line 2 of `~/.claude/settings.json`"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +2 ~/.claude/settings.json"#);
    told.blocked_by("settings-files-usable", &["bedrock-enabled"]);
    nothing_asked(&world, &told);
}

#[test]
fn a_broken_project_file_is_named_with_its_path() {
    let world = World::healthy();
    let mut machine = without_flag(&world);
    machine.file(
        ".claude/settings.json",
        "{\n  \"env\": {\"CLAUDE_CODE_USE_BEDROCK\": \"1\"},\n}\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "settings-files-usable", "settings-file-ignored");
    assert_eq!(root["subject"], ".claude/settings.json");
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +2 .claude/settings.json"#);
    told.blocked_by("settings-files-usable", &["bedrock-enabled"]);
    nothing_asked(&world, &told);
}

#[test]
fn a_broken_file_without_anything_for_bedrock_is_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.file(
        "~/.claude/settings.json",
        "{\n  \"permissions\": \"all\"\n}\n",
    );
    let told = checkup(&machine);
    told.healthy();
    assert_eq!(
        told.finding("settings-files-usable", "warn")["code"],
        "settings-file-ignored"
    );
}

#[test]
fn a_project_that_redirects_requests_is_a_warning() {
    let world = World::healthy();
    world.gateway("llm.example.com");
    let mut machine = machine(&world);
    machine.file(
        ".claude/settings.json",
        "{\n  \"env\": {\n    \"ANTHROPIC_BEDROCK_BASE_URL\": \"https://llm.example.com\"\n  }\n}\n",
    );
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("project-settings-harmless", "warn");
    assert_eq!(warning["subject"], "ANTHROPIC_BEDROCK_BASE_URL");
    assert_fix(warning, r#""${EDITOR:-vi}" +3 .claude/settings.json"#);
}

#[test]
fn a_region_in_the_settings_beats_the_shell_with_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.file(
        "~/.claude/settings.json",
        "{\n  \"env\": {\n    \"AWS_REGION\": \"us-west-2\"\n  }\n}\n",
    );
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("region-chosen", "warn");
    assert_eq!(warning["code"], "settings-env-overrides-shell");
    assert!(
        what(warning).contains("`us-west-2`") && what(warning).contains("`us-east-1` of the shell"),
        "{warning:#}"
    );
    assert_owner(warning, "you");
    assert_fix(warning, r#""${EDITOR:-vi}" +3 ~/.claude/settings.json"#);
    assert_fix(warning, "unset AWS_REGION");
    assert!(!world.requests().is_empty());
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.region == "us-west-2")
    );
    let table = machine.run(DOCTOR, &["check"]);
    assert_eq!(table.code, 0, "{}", table.stdout);
    assert!(
        table.stdout.contains("us-west-2") && table.stdout.contains("us-east-1"),
        "{}",
        table.stdout
    );
    assert_eq!(machine.run(DOCTOR, &["check", "--strict"]).code, 1);
}

#[test]
fn no_region_at_all_is_a_warning() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine.env_remove("AWS_REGION");
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("region-chosen", "warn");
    assert_eq!(warning["code"], "region-not-resolved");
    assert_owner(warning, "you");
    assert_fix(warning, "export AWS_REGION=us-east-1");
}

#[test]
fn a_name_that_is_no_region_is_the_cause_and_not_the_network() {
    let network = "endpoints-reachable";
    for (value, says, meant, blocked) in [
        ("us-east-1a", "an availability zone", "us-east-1", network),
        // The host name is the right one, the signature is not.
        (
            "EU-WEST-1",
            "not written in lower case",
            "eu-west-1",
            "credentials-accepted",
        ),
        ("us-east1", "not the name of a Region", "us-east-1", network),
    ] {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine.env("AWS_REGION", value);
        let told = checkup(&machine);
        let root = told.one_root(1, "region-exists", "region-value-malformed");
        assert!(
            what(root).contains(&format!("`{value}`")) && what(root).contains(says),
            "{root:#}"
        );
        assert_owner(root, "you");
        assert_fix(root, &format!("export AWS_REGION={meant}"));
        told.blocked_by("region-exists", &[blocked]);
        for id in [
            "credentials-accepted",
            "profile-listing-allowed",
            "invocation-allowed",
        ] {
            for finding in told.findings(id) {
                assert_eq!(finding["status"], "blocked", "{}", told.open());
            }
        }
    }
}

#[test]
fn a_region_in_china_is_one_cause() {
    let world = World::healthy();
    world.dns_failure("bedrock-runtime.cn-north-1.amazonaws.com");
    let mut machine = machine(&world);
    machine.env("AWS_REGION", "cn-north-1");
    let told = checkup(&machine);
    let root = told.one_root(1, "region-exists", "region-not-served");
    assert_owner(root, "you");
    assert_fix(root, "export AWS_REGION=us-east-1");
    told.blocked_by("region-exists", &["partition-matches-region"]);
}

#[test]
fn a_malformed_region_counts_as_unset() {
    for value in [
        "https://bedrock.us-west-2.amazonaws.com",
        "us east 1",
        "us-west-2/",
    ] {
        let world = World::healthy();
        let mut machine = machine(&world);
        machine.env("AWS_REGION", value);
        let told = checkup(&machine);
        told.healthy();
        let warning = told.finding("region-chosen", "warn");
        assert_eq!(warning["code"], "region-value-malformed");
        assert!(
            what(warning).contains(&format!("`{value}`"))
                && what(warning).contains("falls back to `us-east-1`"),
            "{warning:#}"
        );
        let meant = if value.contains("us-west-2") {
            "us-west-2"
        } else {
            "us-east-1"
        };
        assert_fix(warning, &format!("export AWS_REGION={meant}"));
        assert!(
            world
                .requests()
                .iter()
                .all(|request| request.region == "us-east-1")
        );
    }
}

#[test]
fn the_variable_for_the_default_profile_is_not_read() {
    let world = World::healthy();
    let mut machine = machine(&world);
    machine
        .env("AWS_DEFAULT_PROFILE", "dev")
        .file("~/.aws/config", "[profile dev]\nregion = eu-west-1\n");
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("variables-consistent", "warn");
    assert_eq!(warning["code"], "aws-default-profile-ignored");
    assert_owner(warning, "you");
    assert_fix(warning, "export AWS_PROFILE=dev");
}

#[test]
fn a_default_profile_that_is_not_read_is_offered_when_nothing_else_delivers() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_DEFAULT_PROFILE", "dev").file(
        "~/.aws/credentials",
        "[dev]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001\n",
    );
    let told = checkup(&machine);
    let root = told.one_root(1, "credential-source-found", "no-credentials-in-chain");
    assert_fix(root, "export AWS_PROFILE=dev");
    nothing_asked(&world, &told);
}

#[test]
fn credentials_of_another_account_are_the_cause() {
    let world = World::healthy();
    let told = checkup_with(&machine(&world), &["--account", "2109-8765-4321"]);
    let root = told.one_root(1, "account-expected", "wrong-account-default-profile");
    assert!(
        what(root).contains("123456789012") && what(root).contains("210987654321"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "aws configure list-profiles");
    checkup_with(
        &machine(&world),
        &["--account", "210987654321", "--account", "123456789012"],
    )
    .healthy();
}

#[test]
fn the_wrong_account_explains_why_a_model_is_not_granted_there() {
    let world = World::healthy();
    world.rule(Rule::new("bedrock-runtime", "").aws_error(
        403,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ));
    let told = checkup_with(&machine(&world), &["--account", "210987654321"]);
    told.one_root(1, "account-expected", "wrong-account-default-profile");
    told.blocked_by("account-expected", &["model-access-granted"]);
}

#[test]
fn keys_of_another_partition_are_one_cause() {
    let world = World::healthy();
    let message = "The security token included in the request is invalid.";
    world
        .rule(Rule::new("", "").aws_error(403, "UnrecognizedClientException", message))
        .rule(Rule::new("sts", "").aws_error(403, "InvalidClientTokenId", message));
    let mut machine = machine(&world);
    machine.env("AWS_REGION", "us-gov-west-1");
    let told = checkup(&machine);
    let root = told.one_root(1, "credentials-accepted", "security-token-invalid");
    assert!(
        root["fix"]
            .to_string()
            .contains("keys of its own partition `aws-us-gov`"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(
        root,
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    );
    told.blocked_by(
        "credentials-accepted",
        &[
            "invocation-allowed",
            "profile-listing-allowed",
            "partition-matches-region",
        ],
    );
}

#[test]
fn an_identity_of_another_partition_is_one_cause() {
    let world = World::healthy();
    let message = "The security token included in the request is invalid.";
    let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                <Arn>arn:aws:iam::123456789012:user/alice</Arn><UserId>AIDA</UserId><Account>123456789012</Account>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
    // As with `AWS_ENDPOINT_URL_STS`, which leads to STS of another partition.
    world
        .rule(Rule::new("", "").aws_error(403, "UnrecognizedClientException", message))
        .rule(Rule::new("sts", "").respond(200, &[("content-type", "text/xml")], body));
    let mut machine = machine(&world);
    machine.env("AWS_REGION", "us-gov-west-1");
    let told = checkup(&machine);
    let root = told.one_root(1, "partition-matches-region", "partition-mismatch");
    assert!(
        what(root).contains("`aws`") && what(root).contains("`aws-us-gov`"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, "export AWS_REGION=us-east-1");
    told.blocked_by(
        "partition-matches-region",
        &[
            "credentials-accepted",
            "invocation-allowed",
            "profile-listing-allowed",
        ],
    );
}

#[test]
fn offline_a_clean_configuration_is_good_and_nobody_is_asked() {
    let world = World::healthy();
    let machine = machine(&world);
    let told = checkup_with(&machine, &["--offline"]);
    told.healthy();
    nothing_asked(&world, &told);
    let run = machine.run(DOCTOR, &["check", "--offline"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("AWS was not asked") && !run.stdout.contains("all good"),
        "{}",
        run.stdout
    );
    assert_eq!(world.connects(), NOBODY);
}

#[test]
fn offline_no_helper_is_started() {
    let script = "#!/bin/sh\ntouch \"$HOME/has-run\"\n";
    for (config, settings) in [
        (
            "[profile dev]\ncredential_process = @HOME@/helper.sh\n",
            "{}",
        ),
        (
            "",
            "{\"awsCredentialExport\": \"@HOME@/helper.sh\", \"awsAuthRefresh\": \"@HOME@/helper.sh\"}",
        ),
    ] {
        let world = World::healthy();
        let mut machine = bare(&world);
        machine
            .executable("~/helper.sh", script)
            .file("~/.aws/config", config)
            .file("~/.claude/settings.json", settings);
        if !config.is_empty() {
            machine.env("AWS_PROFILE", "dev");
        }
        let told = checkup_with(&machine, &["--offline"]);
        told.healthy();
        nothing_asked(&world, &told);
        let table = machine.run(DOCTOR, &["check", "--offline"]);
        assert!(!table.stdout.contains("do not expire"), "{}", table.stdout);
        assert!(!fs::exists(machine.home().join("has-run")).unwrap());
    }
}

#[test]
fn offline_no_endpoint_of_the_machine_is_asked() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &world.container_url());
    let told = checkup_with(&machine, &["--offline"]);
    told.healthy();
    nothing_asked(&world, &told);
}

/// A settings file that switches Bedrock on and has this Region in line 4.
fn settings_with_region(value: &str) -> String {
    format!(
        "{{\n  \"env\": {{\n    \"CLAUDE_CODE_USE_BEDROCK\": \"1\",\n    \"AWS_REGION\": {value}\n  }}\n}}\n"
    )
}

#[test]
fn settings_with_a_number_and_a_mark_at_the_start_are_used() {
    let world = World::healthy();
    let text = "\u{feff}{\"env\": {\"CLAUDE_CODE_USE_BEDROCK\": 1, \"AWS_REGION\": \"us-west-2\"}, \"unknown\": [1]}";
    let told = checkup(&with_settings(&world, text));
    told.healthy();
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.region == "us-west-2")
    );
}

#[test]
fn settings_are_looked_for_in_the_folder_that_is_configured() {
    let world = World::healthy();
    let mut machine = with_settings(&world, "{\"env\": {\"CLAUDE_CODE_USE_BEDROCK\": \"0\"}}");
    machine.env("CLAUDE_CONFIG_DIR", "@HOME@/config").file(
        "~/config/settings.json",
        "{\"env\": {\"CLAUDE_CODE_USE_BEDROCK\": \"1\", \"AWS_REGION\": \"eu-west-1\"}}",
    );
    checkup(&machine).healthy();
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.region == "eu-west-1")
    );
}

#[test]
fn the_local_file_of_a_project_beats_its_shared_one_and_that_of_the_user() {
    let world = World::healthy();
    let file = |region: &str| {
        format!(
            "{{\"env\": {{\"AWS_REGION\": \"{region}\", \"CLAUDE_CODE_USE_BEDROCK\": \"on\"}}}}"
        )
    };
    let mut machine = with_settings(&world, &file("us-east-2"));
    machine
        .file(".claude/settings.json", &file("eu-west-1"))
        .file(".claude/settings.local.json", &file("us-west-2"));
    let told = checkup(&machine);
    told.healthy();
    let said = what(told.findings("region-chosen")[0]);
    for part in [
        "`us-west-2`, from",
        ".claude/settings.local.json",
        "`eu-west-1`",
        "`us-east-2`",
    ] {
        assert!(said.contains(part), "no {part}: {said}");
    }
}

#[test]
fn a_variable_in_a_settings_file_is_not_expanded() {
    let world = World::healthy();
    let mut machine = with_settings(&world, &settings_with_region("\"$MY_REGION\""));
    machine.env("MY_REGION", "us-west-2");
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("region-chosen", "warn");
    assert_eq!(warning["code"], "region-value-malformed");
    assert!(
        what(warning).contains("`$MY_REGION`")
            && what(warning).contains("falls back to `us-east-1`"),
        "{warning:#}"
    );
    assert_fix(warning, r#""${EDITOR:-vi}" +4 ~/.claude/settings.json"#);
}

#[test]
fn a_null_in_a_settings_file_becomes_the_text_null() {
    let world = World::healthy();
    let told = checkup(&with_settings(&world, &settings_with_region("null")));
    let root = told.one_root(1, "region-exists", "region-value-malformed");
    assert!(
        what(root).contains("`null`") && what(root).contains("~/.claude/settings.json:4"),
        "{root:#}"
    );
    assert_owner(root, "you");
    assert_fix(root, r#""${EDITOR:-vi}" +4 ~/.claude/settings.json"#);
    told.blocked_by("region-exists", &["endpoints-reachable"]);
}

#[test]
fn a_profile_in_the_settings_beats_the_one_of_the_shell_with_a_warning() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_PROFILE", "shell")
        .file("~/.claude/settings.json", "{\n  \"env\": {\"AWS_PROFILE\": \"file\"}\n}\n")
        .file(
            "~/.aws/credentials",
            "[shell]\naws_access_key_id = AKIASHELL00000000001\naws_secret_access_key = shell-secret-0001\n\
             [file]\naws_access_key_id = AKIAFILE000000000001\naws_secret_access_key = file-secret-0001\n",
        );
    let told = checkup(&machine);
    told.healthy();
    let warning = told.finding("variables-consistent", "warn");
    assert_eq!(warning["code"], "settings-env-overrides-shell");
    assert!(
        what(warning).contains("`file`") && what(warning).contains("`shell`"),
        "{warning:#}"
    );
    assert_fix(warning, "unset AWS_PROFILE");
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.access_key_id.as_deref() == Some("AKIAFILE000000000001"))
    );
}

#[test]
fn with_only_one_check_nobody_else_is_asked() {
    let world = World::healthy();
    let told = checkup_with(&machine(&world), &["--only", "region"]);
    told.healthy();
    assert_eq!(world.connects(), NOBODY);
}
