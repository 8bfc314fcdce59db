//! Runs the binary on a made-up machine and asks its report.

use bedrock_doctor_world::{Machine, Run, World};
use serde_json::Value;

/// The binary under test.
pub(crate) const DOCTOR: &str = env!("CARGO_BIN_EXE_bedrock-doctor");

/// A machine on which Bedrock is on, in `us-east-1`, with keys in the environment. Everything works.
pub(crate) fn machine(world: &World) -> Machine {
    let mut machine = bare(world);
    machine
        .env("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00001")
        .env("AWS_SECRET_ACCESS_KEY", "environment-secret-0001");
    machine
}

/// A machine on which Bedrock is on, in `us-east-1`, without credentials. It never asks instance metadata.
pub(crate) fn bare(world: &World) -> Machine {
    let mut machine = Machine::new(world);
    machine
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    machine
}

/// A checkup with JSON, identifiers shown.
pub(crate) fn checkup(machine: &Machine) -> Checkup {
    checkup_with(machine, &[])
}

/// A checkup with JSON, identifiers shown, and more arguments.
pub(crate) fn checkup_with(machine: &Machine, arguments: &[&str]) -> Checkup {
    let mut all = vec!["check", "--format", "json", "--show-identifiers"];
    all.extend(arguments);
    let run = machine.run(DOCTOR, &all);
    assert!(
        run.stdout.starts_with('{'),
        "no JSON: exit {}\n{}\n{}",
        run.code,
        run.stdout,
        run.stderr
    );
    Checkup {
        report: run.json(),
        run,
    }
}

/// What a checkup said.
pub(crate) struct Checkup {
    pub(crate) run: Run,
    pub(crate) report: Value,
}

impl Checkup {
    /// Asserts exit code and the one root cause: check id and cause code. Returns the root cause.
    #[track_caller]
    pub(crate) fn one_root(&self, exit: i32, id: &str, code: &str) -> &Value {
        let roots = self.roots();
        let told: Vec<String> = roots.iter().map(summary).collect();
        assert_eq!(
            roots.len(),
            1,
            "exit {}: {told:#?}\n{}",
            self.run.code,
            self.open()
        );
        assert_eq!(
            (
                self.run.code,
                roots[0]["id"].as_str(),
                roots[0]["code"].as_str()
            ),
            (exit, Some(id), Some(code)),
            "{told:#?}"
        );
        &roots[0]
    }

    /// The root causes.
    #[track_caller]
    pub(crate) fn roots(&self) -> &Vec<Value> {
        self.report["root_causes"]
            .as_array()
            .expect("root causes are a list")
    }

    /// Asserts exit code 0 and no root cause.
    #[track_caller]
    pub(crate) fn healthy(&self) {
        assert_eq!(self.run.code, 0, "{}\n{:#?}", self.open(), self.roots());
        assert!(self.roots().is_empty());
    }

    /// The findings of one check: each has at least one.
    #[track_caller]
    pub(crate) fn findings(&self, id: &str) -> Vec<&Value> {
        let all = self.report["findings"]
            .as_array()
            .expect("findings are a list");
        let found: Vec<&Value> = all.iter().filter(|finding| finding["id"] == id).collect();
        assert!(!found.is_empty(), "no check `{id}`");
        found
    }

    /// Asserts that these checks were not tested, because of the failure of another.
    #[track_caller]
    pub(crate) fn blocked_by(&self, root: &str, ids: &[&str]) {
        for finding in ids.iter().flat_map(|id| self.findings(id)) {
            assert_eq!(
                (&finding["status"], &finding["blocked_by"]),
                (&"blocked".into(), &root.into()),
                "{}",
                self.open()
            );
        }
    }

    /// The one finding of a check with this status.
    #[track_caller]
    pub(crate) fn finding(&self, id: &str, status: &str) -> &Value {
        let found = self.findings(id);
        let all: Vec<String> = found.iter().map(|finding| summary(finding)).collect();
        let mut matching = found
            .into_iter()
            .filter(|finding| finding["status"] == status);
        let first = matching.next();
        first.unwrap_or_else(|| panic!("no `{id}` with status {status}: {all:#?}"))
    }

    /// Everything that is not well, for the message of a failed test.
    pub(crate) fn open(&self) -> String {
        let all = self.report["findings"]
            .as_array()
            .expect("findings are a list");
        all.iter()
            .filter(|finding| {
                !["pass", "not-applicable"].contains(&finding["status"].as_str().unwrap_or(""))
            })
            .map(summary)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The commands of a finding's fix.
pub(crate) fn commands(finding: &Value) -> Vec<&str> {
    finding["fix"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|step| step["command"].as_str())
        .collect()
}

/// Asserts that one of the commands of a finding's fix is this one.
#[track_caller]
pub(crate) fn assert_fix(finding: &Value, command: &str) {
    let commands = commands(finding);
    assert!(
        commands.contains(&command),
        "{commands:?} lacks `{command}`"
    );
}

/// Asserts that a finding says all of these words.
#[track_caller]
pub(crate) fn assert_says(finding: &Value, words: &[&str]) {
    let what = finding["what"].as_str().unwrap();
    for word in words {
        assert!(what.contains(word), "`{word}` is missing: {what}");
    }
}

/// Asserts the owner of a finding.
#[track_caller]
pub(crate) fn assert_owner(finding: &Value, owner: &str) {
    assert_eq!(finding["owner"], owner, "{}", summary(finding));
}

/// One line about a finding.
pub(crate) fn summary(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    format!(
        "{} {} [{}] {} (blocked by {}; evidence {})",
        text("status"),
        text("id"),
        text("code"),
        text("what"),
        text("blocked_by"),
        finding["evidence"]
    )
}
