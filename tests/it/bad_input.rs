//! Broken, huge and odd input: one clear finding, the rest of the checkup goes on, and nothing is changed.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bedrock_doctor_checks::registry::ALL;
use bedrock_doctor_world::{Machine, Run, TokenSpec, World};
use serde_json::Value;

use crate::harness::{Checkup, DOCTOR, bare, checkup_with, machine};

/// No checkup takes longer.
const LIMIT: Duration = Duration::from_secs(25);

/// Everything below a folder: what each entry is and what it holds.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        let held = if kind.is_dir() {
            found.extend(tree(&path));
            "folder".to_owned()
        } else if kind.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_file() {
            let metadata = fs::metadata(&path).unwrap();
            let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            format!("{:?} {text:?}", metadata.modified().unwrap())
        } else {
            "special".to_owned()
        };
        found.insert(path.display().to_string(), held);
    }
    found
}

/// A checkup of a machine with something broken on it: it ends in time, with a report about everything, and changes nothing.
#[track_caller]
fn survives(machine: &mut Machine, arguments: &[&str]) -> Checkup {
    machine.limit(LIMIT);
    let before = tree(&machine.home());
    let checkup = checkup_with(machine, arguments);
    assert_eq!(tree(&machine.home()), before, "a file was changed");
    sensible(&checkup.run);
    let ids = ids(&checkup.report);
    let missing: Vec<&str> = ALL
        .iter()
        .map(|check| check.meta.id)
        .filter(|id| !ids.contains(&(*id).to_owned()))
        .collect();
    assert!(missing.is_empty(), "nothing was said about {missing:?}");
    checkup
}

/// The run ended by itself, and not with an internal error.
#[track_caller]
fn sensible(run: &Run) {
    let internal = run.stdout.contains("internal error") || run.stderr.contains("panicked");
    assert!((0..=3).contains(&run.code) && !internal, "{run:#?}");
}

fn ids(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let ids = findings.iter().map(|finding| finding["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

/// Asserts that a finding with this status says all of these words.
#[track_caller]
fn says(checkup: &Checkup, id: &str, status: &str, words: &[&str]) {
    let text = checkup.finding(id, status).to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is not in {text}");
    }
}

/// Asserts that AWS was asked and took the keys: what is broken did not end the checkup.
#[track_caller]
fn went_on(checkup: &Checkup) {
    checkup.finding("credentials-accepted", "pass");
}

/// A machine with keys in the environment, on which everything else works.
fn with_file(world: &World, name: &str, text: &str) -> Machine {
    let mut machine = machine(world);
    machine.file(name, text);
    machine
}

/// A machine whose credentials come from profile `dev` in this file.
fn with_profile(world: &World, config: &str) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_PROFILE", "dev")
        .file("~/.aws/config", config);
    machine
}

/// Makes something at a path in the home folder, and the folders it is in.
fn place(machine: &Machine, name: &str, make: impl FnOnce(&Path)) {
    let path = machine.home().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    make(&path);
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn link_to_itself(path: &Path) {
    std::os::unix::fs::symlink(path, path).unwrap();
}

const USER: &str = "~/.claude/settings.json";

#[test]
fn broken_settings_files() {
    let world = World::healthy();
    for (text, line) in [
        ("{\n  \"env\": {\n    \"A\": \"b\",\n", "line 4"),
        ("{\n  \"env\": {\n    \"A\": \"b\",\n  }\n}\n", "line 3"),
        ("{\n  \"env\": {\n    \"A\": b\n  }\n}\n", "line 3"),
        ("[]", "line 1"),
        ("", "line 1"),
        ("\u{0}\u{1}", "line 1"),
        ("{\"env\": []}", "env"),
    ] {
        let checkup = survives(&mut with_file(&world, USER, text), &[]);
        says(&checkup, "settings-files-usable", "warn", &[USER, line]);
        went_on(&checkup);
        assert_eq!(checkup.run.code, 0);
    }
}

#[test]
fn huge_and_deep_settings_files() {
    let world = World::healthy();
    let filler = "y".repeat(5 << 20);
    let huge = format!("{{\"x\": \"{filler}\", \"env\": {{\"AWS_REGION\": \"us-west-2\"}}}}");
    let checkup = survives(&mut with_file(&world, USER, &huge), &[]);
    checkup.healthy();
    assert!(checkup.run.stdout.contains("us-west-2"));
    assert!(checkup.run.stdout.len() < 200_000);

    let deep = format!("{{\"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    survives(&mut with_file(&world, USER, &deep), &[]).healthy();
    let open = "{\"x\": ".repeat(100_000);
    let checkup = survives(&mut with_file(&world, USER, &open), &[]);
    says(&checkup, "settings-files-usable", "warn", &[USER, "line 1"]);

    let absurd = format!("{{\"x\": \"{}\"}}", "y".repeat(33 << 20));
    let checkup = survives(&mut with_file(&world, USER, &absurd), &[]);
    says(&checkup, "settings-files-usable", "fail", &[USER, "MiB"]);
    went_on(&checkup);
}

/// Neither a folder nor a FIFO, a link in a circle or bytes that are no text end a checkup; a FIFO would wait forever.
#[test]
fn things_that_are_no_files() {
    let world = World::healthy();
    let no_text = |path: &Path| fs::write(path, b"ok\n\n\xff\xfe").unwrap();
    let folder = |path: &Path| fs::create_dir(path).unwrap();
    let kinds = [
        ("folder", folder as fn(&Path)),
        ("FIFO", fifo),
        ("symbolic link", link_to_itself),
        ("line 3", no_text),
    ];
    for (words, make) in kinds {
        for (name, id, status) in [
            (".claude/settings.json", "settings-files-usable", "fail"),
            (".claude.json", "settings-files-usable", "fail"),
            (".aws/config", "aws-files-readable", "warn"),
            (".aws/credentials", "aws-files-readable", "warn"),
        ] {
            let mut machine = machine(&world);
            place(&machine, name, make);
            let checkup = survives(&mut machine, &[]);
            says(&checkup, id, status, &[&format!("~/{name}"), words]);
            went_on(&checkup);
        }
    }
}

#[test]
fn a_cache_that_nobody_uses_does_not_matter() {
    let world = World::healthy();
    survives(&mut with_file(&world, "~/.aws/sso/cache", "x"), &[]).healthy();
    let looped = machine(&world);
    place(&looped, ".aws/sso/cache", link_to_itself);
    survives(&mut { looped }, &[]).healthy();
    survives(&mut with_file(&world, "~/.claude", "x"), &[]).healthy();
}

const SSO: &str = "[profile dev]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
                   [sso-session my-sso]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n";

/// The SHA-1 of `my-sso`.
const TOKEN: &str = "~/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";

#[test]
fn a_broken_token_cache() {
    let world = World::healthy();
    let unreadable = |machine: &mut Machine, words: &[&str]| {
        let checkup = survives(machine, &[]);
        let root = checkup.one_root(1, "sso-token-present", "sso-token-unreadable");
        for word in words {
            assert!(root["what"].as_str().unwrap().contains(word), "{root}");
        }
    };
    for text in ["{\"accessToken\": \"xyz", "", "[1]", "\u{0}", "null"] {
        let mut machine = with_profile(&world, SSO);
        machine.file(TOKEN, text);
        unreadable(&mut machine, &[TOKEN]);
    }
    let mut machine = with_profile(&world, SSO);
    place(&machine, &TOKEN[2..], fifo);
    unreadable(&mut machine, &[TOKEN, "FIFO"]);
    let mut machine = with_profile(&world, SSO);
    machine.file("~/.aws/sso/cache", "x");
    unreadable(&mut machine, &[TOKEN, "cannot be listed"]);

    let mut machine = with_profile(&world, SSO);
    machine
        .sso_token("my-sso", &TokenSpec::default())
        .file("~/.aws/sso/cache/junk.json", "junk");
    survives(&mut machine, &[]).healthy();
}

#[test]
fn half_profiles() {
    let world = World::healthy();
    for (config, id, word) in [
        (
            "[profile dev]\naws_access_key_id = AKIAHALF000000000001\n",
            "credential-source-found",
            "aws_secret_access_key",
        ),
        (
            "[profile dev]\nsso_session = my-sso\n",
            "sso-profile-complete",
            "[sso-session my-sso]",
        ),
        (
            "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\n",
            "role-assumable",
            "source_profile",
        ),
        (
            "garbage\n[profile dev\nx\n=\n[]\n",
            "profile-exists",
            "`dev`",
        ),
    ] {
        let checkup = survives(&mut with_profile(&world, config), &[]);
        assert_eq!(checkup.run.code, 1);
        assert_eq!(checkup.roots().len(), 1, "{}", checkup.open());
        says(&checkup, id, "fail", &[word, "dev"]);
    }
    let checkup = survives(&mut with_profile(&world, "garbage\n[profile dev\n"), &[]);
    says(
        &checkup,
        "aws-files-readable",
        "warn",
        &["~/.aws/config", "1"],
    );
}

#[test]
fn a_token_file_that_is_a_fifo() {
    let world = World::healthy();
    let mut machine = bare(&world);
    machine
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Dev")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "@HOME@/token");
    place(&machine, "token", fifo);
    let checkup = survives(&mut machine, &[]);
    says(&checkup, "role-assumable", "fail", &["/token", "FIFO"]);
}

#[test]
fn homes_that_are_none() {
    let world = World::healthy();
    for home in ["/nonexistent/home", "/dev/null", ""] {
        let mut machine = machine(&world);
        machine.env("HOME", home);
        survives(&mut machine, &[]).healthy();
    }
    // Without HOME the system's own entry counts: whatever is there must not break the run.
    let mut machine = machine(&world);
    machine.env_remove("HOME");
    sensible(&machine.limit(LIMIT).run(DOCTOR, &["check"]));
}

#[test]
fn a_working_folder_that_is_gone() {
    let world = World::healthy();
    let script = format!("mkdir gone && cd gone && rmdir ../gone && exec {DOCTOR} check");
    let run = machine(&world)
        .limit(LIMIT)
        .run("/bin/sh", &["-c", &script]);
    assert_eq!(run.code, 0, "{run:#?}");
}

#[test]
fn no_path() {
    let world = World::healthy();
    let mut machine = with_profile(
        &world,
        "[profile dev]\ncredential_process = no-such-helper\n",
    );
    machine.env_remove("PATH");
    let checkup = survives(&mut machine, &[]);
    says(
        &checkup,
        "credential-helper-works",
        "fail",
        &["no-such-helper", "dev", "not found"],
    );
}

/// Only where the test is not run by root, who may read everything.
#[test]
fn a_file_without_permission() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::healthy();
    let mut machine = with_file(&world, USER, "{}");
    let path = machine.home().join(&USER[2..]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let checkup = survives(&mut machine, &[]);
    says(
        &checkup,
        "settings-files-usable",
        "fail",
        &[USER, "permission denied"],
    );
    went_on(&checkup);
}

#[test]
fn certificate_files() {
    let world = World::healthy();
    let mut broken = with_file(
        &world,
        "~/ca.pem",
        "-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n",
    );
    broken.env("NODE_EXTRA_CA_CERTS", "@HOME@/ca.pem");
    let checkup = survives(&mut broken, &[]);
    assert_eq!(checkup.run.code, 1);
    let text = checkup.report["findings"].to_string();
    assert!(text.contains("ca.pem"), "{text}");
    let mut folder = machine(&world);
    folder.env("SSL_CERT_FILE", "@HOME@");
    went_on(&survives(&mut folder, &[]));
}

#[test]
fn proxies_that_are_no_urls() {
    let world = World::healthy();
    for proxy in [
        "http://",
        ":::",
        "socks5://x",
        "ftp://x:1",
        "http://[::1",
        "http://a b",
    ] {
        let mut machine = machine(&world);
        machine.env("HTTPS_PROXY", proxy);
        let checkup = survives(&mut machine, &[]);
        assert_eq!(checkup.run.code, 1, "{proxy}: {}", checkup.open());
        for root in checkup.roots() {
            assert_eq!(root["code"], "proxy-url-unusable", "{proxy}: {root}");
            assert!(root["fix"].to_string().contains("HTTPS_PROXY"), "{root}");
        }
    }
    let mut machine = machine(&world);
    machine.env("HTTPS_PROXY", "http://127.0.0.1:1");
    let checkup = survives(&mut machine, &[]);
    says(
        &checkup,
        "endpoints-reachable",
        "fail",
        &["HTTPS_PROXY", "cannot be reached"],
    );
}

#[test]
fn endpoints_that_are_no_urls() {
    let world = World::healthy();
    // Invocations do not go where `AWS_ENDPOINT_URL` points, and Claude Code goes on without what is behind it.
    for (variable, code) in [("ANTHROPIC_BEDROCK_BASE_URL", 1), ("AWS_ENDPOINT_URL", 0)] {
        for url in ["http://", "not a url", "https://exa mple.com", "ftp://x"] {
            let mut machine = machine(&world);
            machine.env(variable, url);
            let checkup = survives(&mut machine, &[]);
            let open = checkup.open();
            assert_eq!(checkup.run.code, code, "{variable}={url}: {open}");
            let found = checkup.findings("endpoints-reachable");
            let named = found.iter().any(|finding| {
                finding["code"] == "endpoint-url-unusable" && finding.to_string().contains(variable)
            });
            assert!(named, "{variable}={url}: {open}");
        }
    }
}

#[test]
fn regions_that_are_none() {
    let world = World::healthy();
    // What has characters that no Region has counts as unset.
    for region in [
        "us-east-1; rm -rf ~",
        "$(id)",
        "us east",
        "../../x",
        "\u{e9}",
        "us-east-1\u{1b}[31m",
    ] {
        let mut machine = machine(&world);
        machine.env("AWS_REGION", region);
        let checkup = survives(&mut machine, &[]);
        checkup.healthy();
        says(
            &checkup,
            "region-chosen",
            "warn",
            &["AWS_REGION", "us-east-1"],
        );
        quiet(&machine);
    }
    for region in ["us-east1", "US-EAST-1"] {
        let mut machine = machine(&world);
        machine.env("AWS_REGION", region);
        let checkup = survives(&mut machine, &[]);
        assert_eq!(checkup.run.code, 1, "{region}: {}", checkup.open());
        says(&checkup, "region-exists", "fail", &["AWS_REGION"]);
        quiet(&machine);
    }
}

#[test]
fn models_that_are_none() {
    let world = World::healthy();
    for model in [
        "a\nb",
        "x/../../y",
        "\u{e9}",
        "\u{1b}[31m",
        " ",
        "arn:aws:bedrock",
        "arn:::::::",
    ] {
        let mut machine = machine(&world);
        machine.env("ANTHROPIC_MODEL", model);
        let checkup = survives(&mut machine, &[]);
        assert_eq!(checkup.run.code, 1, "{model:?}");
        says(
            &checkup,
            "model-id-well-formed",
            "fail",
            &["ANTHROPIC_MODEL"],
        );
        quiet(&machine);
    }
    for (model, words) in [
        ("a\\u0000b".to_owned(), USER),
        ("m".repeat(500_000), "2048"),
    ] {
        let settings = format!("{{\"env\": {{\"ANTHROPIC_MODEL\": \"{model}\"}}}}");
        let checkup = survives(&mut with_file(&world, USER, &settings), &[]);
        assert_eq!(checkup.run.code, 1);
        says(&checkup, "model-id-well-formed", "fail", &[USER]);
        assert!(checkup.run.stdout.contains(words));
        went_on(&checkup);
    }
}

#[test]
fn profiles_with_odd_names() {
    let world = World::healthy();
    for name in [
        "a b'\"$(x);`y`",
        "\u{1b}[31m\n\t",
        "\u{202e}drow",
        "__proto__",
        "-",
        "\u{e9}",
    ] {
        let mut machine = with_profile(&world, SSO);
        machine.env("AWS_PROFILE", name);
        let checkup = survives(&mut machine, &[]);
        checkup.one_root(1, "profile-exists", "aws-profile-not-found");
        quiet(&machine);
    }
}

/// What people see does not steer their terminal.
#[track_caller]
fn quiet(machine: &Machine) {
    for format in ["table", "markdown"] {
        let run = machine.run(DOCTOR, &["check", "-v", "--format", format]);
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        let found = run.stdout.lines().find(|line| line.contains(steers));
        assert!(found.is_none(), "{format}: {found:?}");
    }
}

#[test]
fn ten_thousand_profiles() {
    let world = World::healthy();
    let mut config = String::new();
    for index in 0..10_000 {
        let _ = writeln!(
            config,
            "[profile p{index}]\nregion = us-east-1\naws_access_key_id = AKIA{index:016}\naws_secret_access_key = secret-of-profile-{index}"
        );
    }
    let mut machine = with_profile(&world, &config);
    machine.env("AWS_PROFILE", "p9999");
    survives(&mut machine, &[]).healthy();
    machine.env("AWS_PROFILE", "p99999");
    let checkup = survives(&mut machine, &[]);
    says(&checkup, "profile-exists", "fail", &["p99999", "p9999"]);
}

#[test]
fn a_role_that_leads_in_a_circle() {
    let world = World::healthy();
    let config = "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = b\n\
                  [profile b]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = dev\n";
    let checkup = survives(&mut with_profile(&world, config), &[]);
    checkup.one_root(1, "role-assumable", "source-profile-loop");
}
