//! Every form of output over the same machines: what is printed where, and with which exit code.
//!
//! Longer than 400 lines: every scenario is written out, so that it can be read alone.

use std::fs;
use std::process::{Command, Stdio};

use bedrock_doctor_world::{Machine, Rule, TokenSpec, World};
use serde_json::Value;

use crate::harness::{DOCTOR, bare, machine};

const FORMATS: [&str; 3] = ["table", "json", "markdown"];

/// A machine with an IAM Identity Center profile, whose token expires in so many seconds, and whether it can be renewed.
fn identity_center(world: &World, seconds: i64, refreshable: bool) -> Machine {
    let mut machine = bare(world);
    let token = TokenSpec {
        expires_in_seconds: seconds,
        refreshable,
        ..TokenSpec::default()
    };
    machine
        .env("AWS_PROFILE", "dev")
        .file(
            "~/.aws/config",
            "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
             [sso-session corp]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n",
        )
        .sso_token("corp", &token);
    machine
}

/// An organization policy that blocks invocations.
fn deny(world: &World) {
    let main_model = Rule::new("bedrock-runtime", "").model("us.anthropic.claude-opus-5-5");
    world.rule(main_model.aws_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: \
         bedrock:InvokeModelWithResponseStream on resource: \
         arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-opus-5-5 \
         with an explicit deny in a service control policy",
    ));
}

/// A healthy machine, one that the user can repair, one that somebody else must, and one with a warning; with their exit codes.
fn scenarios(look: impl Fn(&Machine, i32)) {
    let world = World::healthy();
    look(&machine(&world), 0);
    look(&bare(&world), 1);
    look(&identity_center(&world, -3_600, false), 1);
    look(machine(&world).file("~/.claude/settings.json", "{"), 0);
    let denied = World::healthy();
    deny(&denied);
    look(&machine(&denied), 2);
    // Claude Code renews it; the checkup does not, so nothing behind it could be told.
    look(&identity_center(&world, -3_600, true), 3);
}

#[test]
fn every_format_has_the_same_exit_code() {
    scenarios(|machine, code| {
        for format in FORMATS {
            let run = machine.run(DOCTOR, &["check", "--format", format]);
            assert_eq!(run.code, code, "{format}: {}", run.stdout);
            assert_eq!(run.stderr, "");
        }
        assert_eq!(machine.run(DOCTOR, &[]).code, code);
        assert_eq!(machine.run(DOCTOR, &["-q"]).code, code);
    });
}

#[test]
fn json_is_one_document_with_the_promised_keys() {
    scenarios(|machine, code| {
        let report = machine.run(DOCTOR, &["check", "--format", "json"]).json();
        for key in [
            "schema",
            "tool",
            "claude_code",
            "status",
            "exit_code",
            "root_causes",
            "findings",
            "facts",
            "timings",
        ] {
            assert!(report.get(key).is_some(), "no {key}");
        }
        assert_eq!(
            report["schema"],
            serde_json::json!({"major": 1, "minor": 0})
        );
        assert_eq!(report["exit_code"], code);
        let roots = report["root_causes"].as_array().unwrap();
        assert_eq!(roots.is_empty(), code == 0 || code == 3);
        for finding in report["findings"].as_array().unwrap().iter().chain(roots) {
            shape(finding);
        }
        for timing in report["timings"].as_array().unwrap() {
            assert!(
                timing["probe"].is_string()
                    && timing["milliseconds"].is_u64()
                    && timing["outcome"].is_string()
            );
        }
    });
}

/// Asserts that a finding has the keys and the words that readers rely on.
#[track_caller]
fn shape(finding: &Value) {
    let is = |key: &str, words: &[&str]| {
        let text = finding[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key}: {finding}"));
        assert!(
            words.is_empty() || words.contains(&text),
            "{key}: {finding}"
        );
    };
    for key in ["id", "family", "title", "what"] {
        is(key, &[]);
    }
    is(
        "status",
        &[
            "pass",
            "warn",
            "fail",
            "cannot-tell",
            "not-applicable",
            "blocked",
        ],
    );
    is(
        "owner",
        &[
            "you",
            "account-admin",
            "org-admin",
            "network-team",
            "aws-support",
        ],
    );
    let basis = finding["evidence"]["basis"].as_str().unwrap();
    assert!(
        [
            "observed",
            "reported",
            "simulated",
            "inferred",
            "not-tested"
        ]
        .contains(&basis)
    );
    assert!(finding["fix"].is_array());
    if finding["status"] == "blocked" {
        is("blocked_by", &[]);
    }
    if finding["status"] == "fail" {
        is("code", &[]);
        assert_ne!(
            finding["fix"],
            serde_json::json!([]),
            "nothing to do: {finding}"
        );
    }
}

#[test]
fn a_file_instead_of_the_terminal() {
    let world = World::healthy();
    let machine = machine(&world);
    for format in FORMATS {
        let printed = machine.run(DOCTOR, &["check", "--format", format]);
        let run = machine.run(DOCTOR, &["check", "--format", format, "--output", "report"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""));
        assert_eq!(run.stderr, "written to `report`\n");
        let written = fs::read_to_string(machine.cwd().join("report")).unwrap();
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&written), lines(&printed.stdout), "{format}");
    }
    let run = machine.run(DOCTOR, &["check", "--output", "no/such/folder/report"]);
    assert_eq!((run.code, run.stdout.as_str()), (64, ""));
    assert!(
        run.stderr.contains("no/such/folder/report"),
        "{}",
        run.stderr
    );
}

#[test]
fn markdown_reads_well() {
    scenarios(|machine, code| {
        let text = machine
            .run(DOCTOR, &["check", "--format", "markdown"])
            .stdout;
        assert!(text.starts_with("# bedrock-doctor report\n\n"));
        for heading in [
            "## Checks",
            "## What Claude Code will use",
            "## Probes",
            "## Redaction",
        ] {
            assert_eq!(
                text.matches(&format!("\n{heading}\n")).count(),
                1,
                "{heading}"
            );
        }
        assert_eq!(text.matches("\n## ✗ ").count() > 0, code == 1 || code == 2);
        assert_eq!(text.contains("Text to forward"), code == 2);
        assert_eq!(text.matches("```").count() % 2, 0);
        let (_, facts) = text.rsplit_once("```json\n").unwrap();
        let (facts, rest) = facts.split_once("\n```\n").unwrap();
        serde_json::from_str::<Value>(facts).unwrap();
        assert_eq!(rest, "\n</details>\n");
        for row in text.lines().filter(|line| line.starts_with("| ")) {
            let bars = row.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 4, "{row}");
        }
    });
}

#[test]
fn colour_only_where_it_is_wanted() {
    let world = World::healthy();
    let coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut machine = machine(&world);
        for (name, value) in variables {
            machine.env(name, value);
        }
        let run = machine.run(DOCTOR, arguments);
        assert_eq!(run.code, 0, "{run:#?}");
        run.stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]));
    assert!(coloured(&[], &["--color", "always"]));
    assert!(coloured(&[("NO_COLOR", "1")], &["--color=always"]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")], &[]));
    assert!(!coloured(
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
        &[]
    ));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    for format in ["json", "markdown"] {
        assert!(!coloured(
            &[],
            &["check", "--color", "always", "--format", format]
        ));
    }
    assert!(!coloured(
        &[],
        &["check", "--color", "always", "--output", "report"]
    ));
    // Colour changes nothing but colour.
    let machine = machine(&world);
    let plain = machine.run(DOCTOR, &["check", "--offline"]).stdout;
    let painted = machine
        .run(DOCTOR, &["check", "--offline", "--color", "always"])
        .stdout;
    let mut stripped = String::new();
    for part in painted.split('\u{1b}') {
        let text = part.split_once('m').filter(|_| part.starts_with('['));
        stripped.push_str(text.map_or(part, |(_, text)| text));
    }
    assert_eq!(stripped, plain);
}

/// Nothing is wider than 80 columns, except what has no blank and is pasted: commands, paths, ARNs.
#[test]
fn the_table_fits_80_columns() {
    scenarios(|machine, _| {
        for arguments in [&[][..], &["-v"], &["--offline", "-v"]] {
            let text = machine.run(DOCTOR, arguments).stdout;
            for line in text.lines().filter(|line| line.chars().count() > 80) {
                let command = line.starts_with("          ");
                let words = line.split_whitespace().count();
                assert!(command || words == 1, "{line}");
            }
        }
    });
}

/// `bedrock-doctor | head -1` is no error.
#[test]
fn a_reader_that_leaves() {
    let world = World::healthy();
    let machine = machine(&world);
    for arguments in [
        "check -v --offline",
        "list checks",
        "check --offline --format json",
    ] {
        let script = format!("{{ {DOCTOR} {arguments}; echo \"exit $?\" >&2; }} | true");
        let run = machine.run("/bin/sh", &["-c", &script]);
        assert_eq!(run.stderr, "exit 0\n");
    }
    let closed = format!("exec {DOCTOR} check --offline >&-");
    let run = machine.run("/bin/sh", &["-c", &closed]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn strict_counts_warnings_and_what_is_open() {
    scenarios(|machine, code| {
        let usual = machine.run(DOCTOR, &["check", "--format", "json"]).json();
        let warned = usual["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["status"] == "warn");
        let strict = match code {
            0 if warned => 1,
            3 => 1,
            code => code,
        };
        for format in FORMATS {
            let run = machine.run(DOCTOR, &["check", "--strict", "--format", format]);
            assert_eq!(run.code, strict, "{format}: {}", run.stdout);
        }
    });
}

/// A check that looks at several models has several findings, and counts once, by the worst.
#[test]
fn every_check_counts_once() {
    scenarios(|machine, _| {
        let report = machine.run(DOCTOR, &["check", "--format", "json"]).json();
        let findings = report["findings"].as_array().unwrap();
        let with = |status: &str, ids: &[&str]| -> Vec<&str> {
            let with = findings.iter().filter(|it| it["status"] == status);
            let mut found: Vec<&str> = with.map(|it| it["id"].as_str().unwrap()).collect();
            found.sort_unstable();
            found.dedup();
            found.retain(|id| !ids.contains(id));
            found
        };
        let mut counted = Vec::new();
        let mut told = Vec::new();
        for (status, words) in [
            ("fail", "failed"),
            ("cannot-tell", "could not be told"),
            ("blocked", "not tested"),
            ("warn", "to look at"),
            ("pass", "passed"),
            ("not-applicable", "not needed here"),
        ] {
            let ids = with(status, &counted);
            if !ids.is_empty() {
                told.push(format!("{} {words}", ids.len()));
            }
            counted.extend(ids);
        }
        let table = machine.run(DOCTOR, &[]).stdout;
        let line = table
            .lines()
            .rfind(|line| line.contains(" not needed here") && !line.starts_with(['✓', '·']));
        let mut parts: Vec<&str> = line.unwrap().split(" · ").collect();
        parts.sort_unstable();
        told.sort_unstable();
        assert_eq!(parts, told);
    });
}

/// What is to be pasted stands in a block of its own, and what is for the user is not forwarded.
#[test]
fn an_administrator_gets_what_can_be_pasted() {
    let world = World::healthy();
    let main_model = Rule::new("bedrock-runtime", "").model("us.anthropic.claude-opus-5-5");
    world.rule(main_model.aws_error(
        403,
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/Dev/alice is not authorized to perform: \
         bedrock:InvokeModelWithResponseStream on resource: \
         arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5-5 \
         because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action",
    ));
    let machine = machine(&world);
    let arguments = ["check", "--format", "markdown"];
    let text = machine.run(DOCTOR, &arguments).stdout;
    assert!(text.contains("`--show-identifiers` keeps account ids and names"));
    let blocks: Vec<&str> = text.split("```json\n").skip(1).collect();
    let (facts, statements) = blocks.split_last().unwrap();
    assert!(facts.starts_with('{') && statements.len() == 2, "{text}");
    for block in statements {
        let (statement, _) = block.split_once("```").unwrap();
        let statement = statement.trim_end_matches("> ").trim_start_matches("> ");
        let statement: Value = serde_json::from_str(statement).unwrap();
        assert_eq!(statement["Effect"], "Allow");
    }
    let (_, forwarded) = text.split_once("\nText to forward:\n").unwrap();
    let (forwarded, _) = forwarded.split_once("\n## ").unwrap();
    assert!(
        !forwarded.contains("Command: bedrock-doctor"),
        "{forwarded}"
    );
    assert!(
        forwarded.contains("> Attached: the output of `bedrock-doctor policy` from this machine")
    );
}

/// The command for a ticket makes the same report: it repeats the flags.
#[test]
fn the_ticket_is_about_the_same_run() {
    let machine = Machine::offline();
    let hint = |arguments: &[&str]| {
        let text = machine.run(DOCTOR, arguments).stdout;
        let (_, hint) = text.split_once("for a ticket:").unwrap();
        hint.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let form = "--format markdown --output bedrock-doctor.md";
    for (arguments, command) in [
        (&["--offline"][..], "bedrock-doctor check --offline"),
        (&["demo", "expired-sso"], "bedrock-doctor demo expired-sso"),
        (
            &["--region", "eu-west-1", "--timeout", "1.5", "--thorough"],
            "bedrock-doctor check --thorough --timeout 1.5 --region eu-west-1",
        ),
        (
            &[
                "--only",
                "config*",
                "--skip",
                "variables-known",
                "--strict",
                "--account",
                "1234-5678-9012",
                "--offline",
                "--profile",
                "my dev",
            ],
            "bedrock-doctor check --offline --strict --only 'config*' --skip variables-known --account 123456789012 --profile 'my dev'",
        ),
    ] {
        assert_eq!(hint(arguments), format!("{command} {form}"));
    }
    // What is not told cannot be repeated.
    let secret = ["--offline", "--env", "AWS_SECRET_ACCESS_KEY=planted"];
    assert_eq!(hint(&secret), format!("with the same flags and `{form}`"));
}

fn ids(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["check", "--offline", "--format", "json"];
    all.extend(arguments);
    let report = machine.run(DOCTOR, &all).json();
    let findings = report["findings"].as_array().unwrap();
    let mut ids: Vec<String> = findings
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect();
    ids.dedup();
    ids
}

#[test]
fn checks_are_chosen_by_id_family_and_glob() {
    let world = World::healthy();
    let machine = machine(&world);
    let all = ids(&machine, &[]);
    assert_eq!(
        ids(&machine, &["--only", "region-exists"]),
        ["region-exists"]
    );
    assert_eq!(
        ids(&machine, &["--only", "region"]),
        ["region-chosen", "region-exists"]
    );
    let sso = ids(&machine, &["--only", "sso-*"]);
    assert!(
        sso.len() > 2 && sso.iter().all(|id| id.starts_with("sso-")),
        "{sso:?}"
    );
    let both = ids(&machine, &["--only", "region", "--only", "sso-*"]);
    assert_eq!(both.len(), sso.len() + 2);
    assert_eq!(
        ids(&machine, &["--only", "region", "--skip", "*-chosen"]),
        ["region-exists"]
    );
    assert_eq!(ids(&machine, &["--skip", "region"]).len(), all.len() - 2);
}

#[test]
fn wrong_usage() {
    let world = World::healthy();
    let machine = machine(&world);
    for (arguments, words) in [
        (&["chekc"][..], "check"),
        (&["check", "--ofline"], "--offline"),
        (&["check", "--format", "yaml"], "markdown"),
        (&["check", "--only", "region-exist"], "region-exists"),
        (&["check", "--skip", "no-such-*"], "list checks"),
        (
            &["check", "--only", "region", "--skip", "region"],
            "leave no check",
        ),
        (&["check", "--timeout", "0"], "timeout"),
        (&["check", "--account", "12"], "12 digits"),
        (&["check", "--offline", "--invoke"], "--invoke"),
        (&["check", "region"], "region"),
        (&["explain", "region-exist"], "region-exists"),
        (&["explain"], "ID"),
        (&["explain", ""], "list checks"),
        (&["list"], "WHAT"),
        (&["list", "things"], "probes"),
        (&["demo", "no-such"], "healthy"),
        (&["--color", "pink"], "always"),
    ] {
        let run = machine.run(DOCTOR, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{arguments:?}");
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    assert_eq!(world.connects(), Vec::<String>::new());
}

#[test]
fn help_and_version() {
    let world = World::healthy();
    let machine = machine(&world);
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["check", "--help"],
        &["list", "--help"],
        &["explain", "-h"],
        &["demo", "-h"],
        &["--version"],
        &["-V"],
    ] {
        let run = machine.run(DOCTOR, arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(run.stdout.len() > 10);
    }
    for arguments in [
        &["check", "--help"][..],
        &["check", "-h"],
        &["policy", "check", "--help"],
    ] {
        let help = machine.run(DOCTOR, arguments).stdout;
        assert!(
            help.contains("Exit codes:") && help.contains("\n  3   "),
            "{help}"
        );
    }
    let help = machine.run(DOCTOR, &["demo", "--help"]).stdout;
    assert!(
        help.contains("expired-sso:") && help.contains("healthy:"),
        "{help}"
    );
    let version = machine.run(DOCTOR, &["--version"]).stdout;
    assert_eq!(
        version,
        format!("bedrock-doctor {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(
        machine
            .run(DOCTOR, &["--help"])
            .stdout
            .contains("Exit codes")
    );
}

/// A full disk is no success.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let run = Command::new(DOCTOR)
        .args(["demo", "healthy"])
        .env_clear()
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(70));
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(stderr.contains("could not be written"), "{stderr}");
}

#[test]
fn lists_agree_in_both_forms() {
    let machine = Machine::offline();
    for (what, least) in [("checks", 30), ("probes", 10)] {
        let table = machine.run(DOCTOR, &["list", what]).stdout;
        let json = machine
            .run(DOCTOR, &["list", what, "--format", "json"])
            .json();
        let entries = json[what].as_array().unwrap();
        assert!(entries.len() >= least);
        for entry in entries {
            let id = entry["id"].as_str().unwrap();
            let mut first_words = table
                .lines()
                .filter_map(|line| line.split_whitespace().next());
            assert!(
                first_words.any(|word| word == id),
                "{id} is not in the table"
            );
        }
    }
}

/// The name of an action is searched for, and pasted.
#[test]
fn the_list_of_probes_breaks_no_action() {
    let machine = Machine::offline();
    let json = machine
        .run(DOCTOR, &["list", "probes", "--format", "json"])
        .json();
    let table = machine.run(DOCTOR, &["list", "probes"]).stdout;
    let words: Vec<&str> = table.split([' ', '\n', ',']).collect();
    for probe in json["probes"].as_array().unwrap() {
        for action in probe["actions"].as_array().unwrap() {
            let action = action.as_str().unwrap();
            assert!(words.contains(&action), "{action}: {table}");
        }
    }
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
}

#[test]
fn explains_every_check() {
    let machine = Machine::offline();
    let list = machine
        .run(DOCTOR, &["list", "checks", "--format", "json"])
        .json();
    for check in list["checks"].as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        let run = machine.run(DOCTOR, &["explain", id]);
        assert_eq!(run.code, 0);
        for heading in [
            "## What it looks at",
            "## Why it matters",
            "## How to fix it",
        ] {
            assert!(run.stdout.contains(heading), "{id} lacks {heading}");
        }
    }
}

/// A terminal wants the answer in the first lines, whatever else there is to say.
#[test]
fn the_answer_stands_on_top() {
    scenarios(|machine, code| {
        let text = machine.run(DOCTOR, &[]).stdout;
        let sign = text
            .lines()
            .skip(1)
            .find_map(|line| line.chars().next().filter(|c| "✓✗!?".contains(*c)));
        let wanted = match code {
            1 | 2 => "✗",
            3 => "?",
            _ => "✓!",
        };
        assert!(wanted.contains(sign.unwrap()), "{text}");
    });
}

/// The terminal's standard input is never read.
#[test]
fn nobody_is_asked() {
    let world = World::healthy();
    let machine = machine(&world);
    let mut child = Command::new(DOCTOR)
        .args(["check", "--offline"])
        .env_clear()
        .env("HOME", machine.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The pipe stays open: whoever reads it waits forever.
    let input = child.stdin.take();
    let end = child.wait().unwrap();
    drop(input);
    // Nothing is configured.
    assert_eq!(end.code(), Some(1));
}

/// A table as people see it, with what differs from run to run replaced.
fn table(machine: Machine) -> String {
    let mut machine = machine;
    // In a container everywhere: the advice differs.
    machine.env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let text = machine.run(DOCTOR, &[]).stdout;
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        // A time of day with its date: `2026-11-22 18:00 UTC`.
        while let Some(end) = line.find(" UTC").filter(|end| *end >= 16) {
            line.replace_range(end - 16..end + 4, "TIME");
        }
        if let Some(at) = line.find("00000000-0000-4000-8000-") {
            line.replace_range(at..at + 36, "ID");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn tables_as_people_see_them() {
    let world = World::healthy();
    let mut nothing = bare(&world);
    // A container wherever the test runs: the fixes differ there.
    nothing.env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    insta::assert_snapshot!("nothing-configured", table(nothing));
    insta::assert_snapshot!(
        "expired-sign-in",
        table(identity_center(&world, -7_200, false))
    );
    insta::assert_snapshot!("healthy", table(machine(&world)));
    deny(&world);
    insta::assert_snapshot!("denied-by-organization", table(machine(&world)));
}
