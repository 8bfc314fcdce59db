//! Every recorded run of Claude Code, replayed: this program says, and asks, what Claude Code did.
//!
//! `tests/data/observed` says what each version asked for with a given machine and a given AWS.
//! This program runs on the same machine, at the same time, in a network where every name leads to the same AWS.
//! What cannot agree is listed with its reason in `tests/data/observed-exceptions.toml`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bedrock_doctor::{MadeUp, Network, World};
use bedrock_doctor_world::Machine;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::conformance::{Difference, Doctor};
use crate::recording::{Asked, Aws, Key, Outcome, Row, data, exceptions, recordings};

/// How many rows are replayed at a time.
const AT_A_TIME: usize = 4;

/// How many rows may be excepted: more of them would say that the rules are not known.
const MOST_EXCEPTIONS: usize = 5;

#[test]
fn every_recorded_run_is_reproduced() {
    let mut rows: Vec<Row> = recordings().into_iter().flat_map(|it| it.rows).collect();
    rows.extend(default_models());
    let only = std::env::var("BEDROCK_DOCTOR_ROW").ok();
    rows.retain(|row| only.as_ref().is_none_or(|only| row.name.contains(only)));
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let key = (row.version.clone(), row.name.clone());
                    outcomes.lock().unwrap().insert(key, replay(row));
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    assert_eq!(outcomes.len(), rows.len(), "two rows have the same name");
    let mut exceptions = exceptions();
    assert!(exceptions.len() <= MOST_EXCEPTIONS, "too many exceptions");
    exceptions.retain(|(_, name), _| only.as_ref().is_none_or(|only| name.contains(only)));
    report(&outcomes, &exceptions);
}

/// Fails with a table by version, unless every row agrees or is an exception, and every exception is needed.
fn report(outcomes: &BTreeMap<Key, Vec<Difference>>, exceptions: &BTreeMap<Key, String>) {
    let mut table: BTreeMap<Vec<u32>, (String, [usize; 3])> = BTreeMap::new();
    let mut problems = String::new();
    for (key, differences) in outcomes {
        let (version, name) = key;
        let order = version
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        let (_, counts) = table.entry(order).or_insert((version.clone(), [0; 3]));
        match (differences.as_slice(), exceptions.get(key)) {
            ([], None) => counts[0] += 1,
            ([_, ..], Some(_)) => counts[1] += 1,
            ([_, ..], None) => {
                counts[2] += 1;
                let _ = writeln!(problems, "{version} {name}:");
                for Difference {
                    field,
                    claude,
                    doctor,
                } in differences
                {
                    let _ = writeln!(
                        problems,
                        "  {field}\n    Claude Code    {claude}\n    bedrock-doctor {doctor}"
                    );
                }
            }
            ([], Some(reason)) => {
                counts[2] += 1;
                let _ = writeln!(
                    problems,
                    "{version} {name}: agrees, the exception is stale ({reason})"
                );
            }
        }
    }
    for (version, name) in exceptions.keys().filter(|key| !outcomes.contains_key(key)) {
        let _ = writeln!(
            problems,
            "{version} {name}: an exception for a row that is not there"
        );
    }
    let mut text = "version    agree  excepted  differ\n".to_owned();
    for (version, [agree, excepted, differ]) in table.values() {
        let _ = writeln!(text, "{version:<10} {agree:>5}  {excepted:>8}  {differ:>6}");
    }
    assert!(problems.is_empty(), "{text}\n{problems}");
}

/// Runs this program on the row's machine, and says where it differs from Claude Code.
fn replay(row: &Row) -> Vec<Difference> {
    let aws = row.world();
    let now = row.recorded_at();
    let real = Timestamp::try_from(SystemTime::now()).unwrap();
    aws.clock_offset(now.as_second() - real.as_second());
    let mut machine = Machine::direct(&aws);
    row.furnish(&mut machine, SignedDuration::ZERO);
    let program = format!("~/.local/share/claude/versions/{}", row.version);
    machine
        .executable(&program, "#!/bin/sh\nexit 70\n")
        .link("~/.local/bin/claude", &program);
    let world = World::made_up(MadeUp {
        environment: machine.variables().clone(),
        home: machine.home(),
        working_folder: machine.cwd(),
        system_root: machine.system_root().to_owned(),
        now,
        network: Some(Network {
            door: aws.direct(),
            unknown_names: row.aws.nxdomain.clone(),
        }),
    });
    let run = |arguments: &[String]| {
        let program = std::iter::once("bedrock-doctor".to_owned());
        let words = program.chain(arguments.iter().cloned());
        bedrock_doctor::main_in(&world, words.map(OsString::from))
    };
    let arguments = crate::conformance::arguments(&row.arguments(&machine));
    let (code, printed) = run(&arguments);
    let answer: Value = serde_json::from_str(&printed.stdout)
        .unwrap_or_else(|error| panic!("{}: exit {code}, {error}: {}", row.name, printed.stderr));
    Doctor::from(&answer, &aws.requests()).differences(row)
}

/// The rows that `default-models.json` says in short.
fn default_models() -> Vec<Row> {
    let file: Value = serde_json::from_str(&data("observed/default-models.json")).unwrap();
    let mut rows = Vec::new();
    for (version, seen) in file["versions"].as_object().unwrap() {
        let mut add = |name: &str, region: &str, alias: Option<&str>, model: &Value, aws: Aws| {
            let mut env = BTreeMap::from([
                ("AWS_ACCESS_KEY_ID".to_owned(), Some("AKIAENV".to_owned())),
                ("AWS_SECRET_ACCESS_KEY".to_owned(), Some("sk".to_owned())),
                ("AWS_REGION".to_owned(), Some(region.to_owned())),
            ]);
            env.extend(alias.map(|alias| ("ANTHROPIC_MODEL".to_owned(), Some(alias.to_owned()))));
            let model = model.as_str().unwrap();
            rows.push(Row {
                version: version.clone(),
                name: format!("default-models: {name}"),
                env,
                args: vec!["-p".to_owned(), "ping".to_owned()],
                aws,
                outcome: Outcome {
                    message: Some("pong".to_owned()),
                    requests: vec![Asked {
                        host: format!("bedrock-runtime.{region}.amazonaws.com"),
                        path: format!("/model/{model}/invoke-with-response-stream"),
                        signed_by: Some("AKIAENV".to_owned()),
                        signing_region: Some(region.to_owned()),
                        ..Asked::default()
                    }],
                    ..Outcome::default()
                },
                ..Row::default()
            });
        };
        for (region, model) in seen["main"].as_object().unwrap() {
            add(
                &format!("main in {region}"),
                region,
                None,
                model,
                Aws::default(),
            );
        }
        for alias in ["opus", "sonnet", "haiku"] {
            add(
                alias,
                "us-east-1",
                Some(alias),
                &seen[alias],
                Aws::default(),
            );
        }
        let aws = Aws {
            inference_profiles: Some(
                [
                    "global.anthropic.claude-opus-5-5",
                    "global.anthropic.claude-opus-4-8",
                    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                ]
                .map(str::to_owned)
                .to_vec(),
            ),
            ..Aws::default()
        };
        let model = &seen["only_global_listed"];
        add("only global. listed", "us-east-1", None, model, aws);
    }
    rows
}
