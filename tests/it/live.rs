//! The real Claude Code, alone in a network without exit, beside this program on the same machine: both have to decide
//! the same.
//!
//! Recorded rows are run anew, and made-up ones that nobody has run before.
//! `docs/conformance.md` says how to run more of them, and how to record another version.

mod dice;
mod generator;
mod shrink;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bedrock_doctor_world::Machine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;

use self::dice::Dice;
use crate::conformance::{self, Difference, Doctor, NEWEST, request_differences};
use crate::harness::DOCTOR;
use crate::namespace::{self, Dns, Way, etc, skip};
use crate::recording::{Outcome, Recording, Row, data_folder, exceptions, recordings};

/// The executable, as `tests/peers/install` prints it.
const CLAUDE: &str = "BEDROCK_DOCTOR_CLAUDE";
/// The row for the test that runs inside of a namespace; its answer is written beside it.
const CASE: &str = "BEDROCK_DOCTOR_CASE";
/// How long Claude Code may run: what it has asked by then counts.
const LIMIT: Duration = Duration::from_secs(20);
/// How many cases run at a time: Claude Code is not light.
const AT_A_TIME: usize = 2;
/// How many recorded rows are run anew.
const SAMPLE: usize = 44;
/// How many made-up rows are run where nothing else is said.
const RANDOM: u64 = 40;

/// One row of every family, and those that only a namespace can show.
const ALWAYS: [&str; 24] = [
    "chain-login-session-valid",
    "chain-role-source-sso",
    "chain-web-identity-in-profile",
    "cred-bearer-and-env",
    "cred-export-nested",
    "cred-process",
    "endpoint-aws-endpoint-url",
    "endpoint-fips",
    "err-iam-implicit-deny",
    "flag-anthropic-aws",
    "flag-mantle",
    "guardrail-headers",
    "model-cli-over-all",
    "model-profiles-onlyglobal",
    "net-ssl-cert-file",
    "prec-cli-settings",
    "prec-user-local",
    "region-cn",
    "role-source-profile-missing",
    "set-export-managed",
    "set-managed-invalid",
    "set-no-proxy-in-user-env",
    "sso-session-expired-refreshable",
    "web-identity-env",
];

/// What both programs did with a row.
#[derive(Serialize, Deserialize)]
struct Ran {
    outcome: Outcome,
    differences: Vec<Difference>,
}

#[test]
fn recorded_rows_hold_with_the_real_claude_code() {
    let Some(stage) = Stage::find("recorded rows with the real Claude Code") else {
        return;
    };
    let recording = recordings().into_iter().find(|it| it.claude_code == NEWEST);
    let mut rows = recording.unwrap().rows;
    for name in ALWAYS {
        assert!(rows.iter().any(|row| row.name == name), "no row `{name}`");
    }
    // Rows that need more than the limit show nothing else within it.
    let exceptions = exceptions();
    rows.retain(|row| !row.name.ends_with("-long"));
    rows.retain(|row| !exceptions.contains_key(&(row.version.clone(), row.name.clone())));
    rows.sort_by_key(|row| (!ALWAYS.contains(&row.name.as_str()), dice::hash(&row.name)));
    rows.truncate(SAMPLE);
    let differing = stage.run_all(&rows, |row, ran| {
        let mut problems = ran.differences.clone();
        problems.extend(
            request_differences(row, &ran.outcome)
                .into_iter()
                .map(|mut it| {
                    it.field = format!("recorded and live: {}", it.field);
                    it
                }),
        );
        problems
    });
    assert!(differing.is_empty(), "these differ: {differing:?}");
}

#[test]
fn made_up_configurations_are_decided_as_claude_code_does() {
    let Some(stage) = Stage::find("made-up configurations with the real Claude Code") else {
        return;
    };
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        )
    };
    let seed = number("BEDROCK_DOCTOR_SEED").unwrap_or(1);
    let count = number("BEDROCK_DOCTOR_RANDOM").unwrap_or(RANDOM);
    let rows: Vec<Row> = (seed..seed + count)
        .map(|seed| generator::row(NEWEST, Dice::new(seed)))
        .collect();
    let shrinks = std::env::var_os("BEDROCK_DOCTOR_SHRINK").is_some();
    let differing = stage.run_all(&rows, |row, ran| {
        if ran.differences.is_empty() || !shrinks {
            return ran.differences.clone();
        }
        let fields = |ran: &Ran| -> Vec<String> {
            ran.differences.iter().map(|it| it.field.clone()).collect()
        };
        let wanted = fields(ran);
        let smallest = shrink::smallest(row, |row| fields(&stage.run(row)) == wanted);
        let mut differences = stage.run(&smallest).differences;
        differences.push(Difference {
            field: "the smallest configuration".to_owned(),
            claude: pasted(&smallest),
            doctor: String::new(),
        });
        differences
    });
    assert!(
        differing.is_empty(),
        "these differ: {differing:?}; one of them again: BEDROCK_DOCTOR_SEED=<the number in its name> BEDROCK_DOCTOR_RANDOM=1"
    );
}

/// Runs the rows of a file, a list, and prints what Claude Code did with each.
#[test]
#[ignore = "for trying things out: BEDROCK_DOCTOR_ROWS leads to a list of rows"]
fn rows_of_a_file() {
    let Some(path) = std::env::var_os("BEDROCK_DOCTOR_ROWS") else {
        return;
    };
    let stage = Stage::find("rows of a file").expect("Claude Code and a namespace are there");
    let mut rows: Vec<Row> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for row in &mut rows {
        NEWEST.clone_into(&mut row.version);
    }
    side_by_side(&rows, |row| {
        let ran = stage.run(row);
        println!("{}", told(row, &ran, &ran.differences));
    });
}

/// Writes what the version that `BEDROCK_DOCTOR_CLAUDE` leads to does with the rows of the newest recording.
#[test]
#[ignore = "writes tests/data/observed/: see scripts/record-claude"]
fn record() {
    let version = std::env::var("BEDROCK_DOCTOR_RECORD").expect("BEDROCK_DOCTOR_RECORD is set");
    let stage = Stage::find("recording").expect("Claude Code and a namespace are there");
    let newest = recordings().into_iter().find(|it| it.claude_code == NEWEST);
    let mut rows = newest.unwrap().rows;
    rows.retain(|row| !row.name.ends_with("-long"));
    for row in &mut rows {
        row.version.clone_from(&version);
    }
    let rows = stage.outcomes(&rows);
    let recording = Recording {
        claude_code: version.clone(),
        rows,
    };
    let path = data_folder().join(format!("observed/claude-code-{version}.json"));
    let mut text = serde_json::to_string_pretty(&recording).unwrap();
    text.push('\n');
    std::fs::write(path, text).unwrap();
}

/// Where cases run.
struct Stage {
    way: Way,
    claude: PathBuf,
}

impl Stage {
    fn find(what: &str) -> Option<Self> {
        let Some(claude) = std::env::var_os(CLAUDE) else {
            skip(
                what,
                "BEDROCK_DOCTOR_CLAUDE does not lead to Claude Code (tests/peers/install)",
            );
            return None;
        };
        Some(Self {
            way: Way::find(what)?,
            claude: claude.into(),
        })
    }

    /// Runs one row in a namespace of its own.
    fn run(&self, row: &Row) -> Ran {
        let folder = TempDir::with_prefix("case-").unwrap();
        let case = folder.path().join("row.json");
        std::fs::write(&case, serde_json::to_string(row).unwrap()).unwrap();
        let variables = [
            (CASE, case.to_str().unwrap()),
            (CLAUDE, self.claude.to_str().unwrap()),
        ];
        let output = self
            .way
            .run_test("live::inside", etc(&[]).path(), &variables);
        let answer = std::fs::read_to_string(answer_of(&case)).unwrap_or_else(|_| {
            panic!(
                "no answer of {}: {}\n{}\n{}",
                row.name,
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        });
        serde_json::from_str(&answer).unwrap()
    }

    /// Runs all rows, prints those that have problems as soon as they show, and returns their names.
    #[expect(
        clippy::print_stdout,
        reason = "a test of minutes says what it finds while it runs"
    )]
    fn run_all(
        &self,
        rows: &[Row],
        problems: impl Fn(&Row, &Ran) -> Vec<Difference> + Sync,
    ) -> Vec<String> {
        let names = Mutex::new(Vec::new());
        side_by_side(rows, |row| {
            let ran = self.run(row);
            let problems = problems(row, &ran);
            if !problems.is_empty() {
                println!("{}", told(row, &ran, &problems));
                names.lock().unwrap().push(row.name.clone());
            }
        });
        names.into_inner().unwrap()
    }

    /// The rows with what Claude Code does now.
    fn outcomes(&self, rows: &[Row]) -> Vec<Row> {
        let done = Mutex::new(Vec::new());
        side_by_side(rows, |row| {
            let outcome = self.run(row).outcome;
            done.lock().unwrap().push(Row {
                version: String::new(),
                outcome,
                ..row.clone()
            });
        });
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|row| rows.iter().position(|it| it.name == row.name));
        done
    }
}

fn side_by_side(rows: &[Row], each: impl Fn(&Row) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(row);
                }
            });
        }
    });
}

fn answer_of(case: &Path) -> PathBuf {
    case.with_extension("answer.json")
}

/// A row as it can be pasted into a recording.
fn pasted(row: &Row) -> String {
    let mut row = serde_json::to_value(row).unwrap();
    row.as_object_mut().unwrap().remove("outcome");
    serde_json::to_string_pretty(&row).unwrap()
}

fn told(row: &Row, ran: &Ran, problems: &[Difference]) -> String {
    let mut text = format!("== {}\n{}\n", row.name, pasted(row));
    let outcome = &ran.outcome;
    let _ = writeln!(
        text,
        "Claude Code: exit {}, {} s, {}",
        outcome.exit,
        outcome.seconds,
        outcome.message.as_deref().unwrap_or_default()
    );
    for asked in &outcome.requests {
        let signer = asked.signed_by.as_ref().or(asked.authorization.as_ref());
        let _ = writeln!(
            text,
            "  {} {}{} {signer:?} {:?}",
            asked.method, asked.host, asked.path, asked.status
        );
    }
    for Difference {
        field,
        claude,
        doctor,
    } in problems
    {
        let _ = writeln!(
            text,
            "{field}\n    Claude Code    {claude}\n    bedrock-doctor {doctor}"
        );
    }
    text
}

#[test]
#[ignore = "one case of the tests above, which start it in a namespace"]
fn inside() {
    let Some(case) = std::env::var_os(CASE).filter(|_| namespace::is_inside()) else {
        return;
    };
    let case = PathBuf::from(case);
    let row: Row = serde_json::from_str(&std::fs::read_to_string(&case).unwrap()).unwrap();
    let world = row.world();
    for port in [443, 80] {
        world.direct_at(SocketAddr::from(([0, 0, 0, 0], port)));
    }
    let unknown = row.aws.nxdomain.clone();
    let names = namespace::serve(Dns::ThisMachine { unknown });
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    let furnished = || {
        let mut machine = Machine::direct(&world);
        machine.real_system_root().limit(LIMIT);
        row.furnish(&mut machine, now.duration_since(row.recorded_at()));
        machine
    };

    let machine = furnished();
    let arguments: Vec<String> = row.args.iter().map(|word| machine.fill_in(word)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let claude = std::env::var_os(CLAUDE).unwrap();
    let (run, ended) = machine.run_to_the_limit(PathBuf::from(claude), &arguments);
    let mut outcome = Outcome::of(
        &run,
        ended,
        &world.requests(),
        names.lock().unwrap().clone(),
    );
    // Each program has a home of its own.
    let home = machine.home().display().to_string();
    let unplaced = |text: &str, home: &str| text.replace(home, "@HOME@");
    outcome.message = outcome.message.map(|text| unplaced(&text, &home));
    drop(machine);

    world.forget_requests();
    let mut machine = furnished();
    let program = format!("~/.local/share/claude/versions/{}", row.version);
    machine
        .executable(&program, "#!/bin/sh\nexit 70\n")
        .link("~/.local/bin/claude", &program);
    let arguments = conformance::arguments(&row.arguments(&machine));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    machine.limit(Duration::from_mins(1));
    let mut run = machine.run(DOCTOR, &arguments);
    run.stdout = unplaced(&run.stdout, &machine.home().display().to_string());
    let answer: Value = run.json();
    let seen = Row {
        outcome: outcome.clone(),
        ..row
    };
    let differences = Doctor::from(&answer, &world.requests()).differences(&seen);
    let ran = Ran {
        outcome,
        differences,
    };
    std::fs::write(answer_of(&case), serde_json::to_string(&ran).unwrap()).unwrap();
}
