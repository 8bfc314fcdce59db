//! The credential chain of the AWS SDK for JavaScript as second judge of ours.
//!
//! A layout is one machine: files, environment, and what is different from a healthy AWS. The layouts stand in
//! `tests/data/sdk-for-javascript/`, each with the answer that is wanted. The binary has to give it, and the SDK
//! itself, asked on the same machine, has to confirm it; both have to ask AWS the same things on the way.
//!
//! Claude Code runs on another engine than Node, so that errors of the engine read differently:
//! such a layout has Node's words as `want` and Claude Code's as `claude_code`.
//! `LAYOUT=roles scripts/test agrees_with` runs the layouts with that text in their name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use bedrock_doctor_checks::claude_code::credential_plan::NO_PROVIDERS;
use bedrock_doctor_checks::parse::{login_token, sso_token};
use bedrock_doctor_world::{Machine, Request, Rule, World};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::harness::DOCTOR;
use crate::ministack::peer::peer;

/// Asks the binary for the credentials.
const COMMAND: [&str; 6] = [
    "check",
    "--only",
    "credential-source-found",
    "--format",
    "json",
    "--show-identifiers",
];

/// Where [`COMMAND`] puts them.
const CREDENTIALS: &str = "/facts/credentials/value";

/// Where [`COMMAND`] puts the Region.
const REGION: &str = "/facts/configuration/value/region/value";

/// Layouts that are run at the same time; some wait for time-outs.
const AT_ONCE: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layouts {
    layout: Vec<Layout>,
}

/// A machine, and the credentials it leads to. The place-holders are those of [`Layout::fill_in`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    name: String,
    /// On top of what [`Layout::machine`] sets.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// `~/.aws/config`.
    config: Option<String>,
    /// `~/.aws/credentials`.
    credentials: Option<String>,
    /// Other files; scripts (`.sh`) can be run.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Cached tokens, by session name or start URL.
    #[serde(default)]
    sso_cache: BTreeMap<String, String>,
    /// Cached sign-ins, by session.
    #[serde(default)]
    login_cache: BTreeMap<String, String>,
    /// What AWS answers differently.
    #[serde(default)]
    rule: Vec<Answer>,
    /// The access key id, the error, or `none` for the error that no provider delivered.
    /// It ends in `…` where the rest depends on the version of Node.
    want: String,
    /// Why bedrock-doctor says something else for now; an agreement fails the test.
    differs: Option<String>,
    /// The error as Claude Code words it, where its engine says something else than Node.
    claude_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    host: String,
    #[serde(default)]
    path: String,
    /// 0 for a request that is never answered.
    status: u16,
    /// The code of an AWS error.
    code: Option<String>,
    /// The message of an AWS error, or the whole body.
    #[serde(default)]
    body: String,
}

/// What somebody found on a machine.
#[derive(Debug)]
struct Found {
    /// The access key id, or the error.
    answer: String,
    has_session_token: bool,
    expires_at: Option<Timestamp>,
    /// None where the SDK has none; Claude Code has a default.
    region: Option<String>,
    /// What AWS was asked, each question once.
    asked: Vec<String>,
}

#[test]
fn agrees_with_the_sdk_for_javascript() {
    let judge = peer("BEDROCK_DOCTOR_JS_SDK").map(|folder| (node(), folder));
    let only = env::var("LAYOUT").unwrap_or_default();
    let layouts: Vec<Layout> = layouts()
        .into_iter()
        .filter(|layout| layout.name.contains(&only))
        .collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(layout) = layouts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let wrong = layout.run(judge.as_ref());
                    failures.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {} layouts:\n\n{}",
        failures.len(),
        layouts.len(),
        failures.join("\n\n")
    );
}

#[test]
fn every_layout_has_a_name_of_its_own() {
    let names: Vec<String> = layouts().into_iter().map(|layout| layout.name).collect();
    assert!(names.len() >= 90, "{}", names.len());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

impl Layout {
    /// Runs the binary and the SDK; what is wrong, if anything is.
    fn run(&self, judge: Option<&(PathBuf, PathBuf)>) -> Option<String> {
        let world = World::healthy();
        let machine = self.machine(&world);
        let want = match self.want.as_str() {
            "none" => NO_PROVIDERS.to_owned(),
            want => Self::fill_in(&world, &machine, want),
        };
        let shown = |who: &str, found: &Found, want: &str| {
            format!("{} ({who})\n  want {want}\n  got  {found:?}", self.name)
        };
        let ours = doctor(&machine, &world);
        let wanted = self.claude_code.as_ref().unwrap_or(&want);
        let right = ours.says(wanted);
        let Some((node, folder)) = judge else {
            let wrong = !right && self.differs.is_none();
            return wrong.then(|| shown("bedrock-doctor", &ours, wanted));
        };
        let theirs = sdk(node, folder, &machine, &world);
        if !theirs.says(&want) {
            return Some(shown("SDK", &theirs, &want));
        }
        if (right && ours.agrees_with(&theirs)) == self.differs.is_some() {
            return Some(shown("bedrock-doctor", &ours, &format!("{theirs:?}")));
        }
        None
    }

    /// Every AWS service is asked at the world's plain address, which both honour: the SDK knows no proxy.
    /// Instance metadata is off where the layout does not speak of it.
    fn machine(&self, world: &World) -> Machine {
        let mut machine = Machine::new(world);
        machine
            .env("CLAUDE_CODE_USE_BEDROCK", "1")
            .env("AWS_ENDPOINT_URL", &world.plain_url());
        if !self.env.keys().any(|name| name.contains("METADATA")) {
            machine.env("AWS_EC2_METADATA_DISABLED", "true");
        }
        for (name, value) in &self.env {
            let value = Self::fill_in(world, &machine, value);
            machine.env(name, &value);
        }
        let aws = [("config", &self.config), ("credentials", &self.credentials)];
        let aws = aws
            .into_iter()
            .filter_map(|(name, text)| Some((format!("~/.aws/{name}"), text.as_ref()?)));
        let sso = self.sso_cache.iter().map(|(name, text)| {
            let file = sso_token::cache_file_name(name);
            (format!("~/.aws/sso/cache/{file}"), text)
        });
        let login = self.login_cache.iter().map(|(name, text)| {
            let file = login_token::cache_file_name(name);
            (format!("~/.aws/login/cache/{file}"), text)
        });
        let files = self.files.iter().map(|(name, text)| (name.clone(), text));
        for (name, text) in aws.chain(sso).chain(login).chain(files) {
            let text = Self::fill_in(world, &machine, text);
            if Path::new(&name).extension().is_some_and(|it| it == "sh") {
                machine.executable(&name, &format!("#!/bin/sh\n{text}\n"));
            } else {
                machine.file(&name, &text);
            }
        }
        for answer in &self.rule {
            let rule = Rule::new(&answer.host, &answer.path);
            world.rule(match &answer.code {
                Some(code) => rule.aws_error(answer.status, code, &answer.body),
                None if answer.status == 0 => rule.hang(),
                None => rule.respond(answer.status, &[], answer.body.as_str()),
            });
        }
        machine
    }

    /// Replaces the place-holders: addresses of the world, moments, and what many layouts have.
    fn fill_in(world: &World, machine: &Machine, text: &str) -> String {
        let mut text = text.to_owned();
        let at = |seconds| {
            let now = Timestamp::now() + SignedDuration::from_secs(seconds);
            now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        };
        let home = machine.home().display().to_string();
        let fixed = [
            ("@HOME@", home),
            ("@KEYS@", "aws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = profile-secret-0001".to_owned()),
            ("@OTHER@", "aws_access_key_id = AKIAOTHER00000000001\naws_secret_access_key = other-secret-0001".to_owned()),
            ("@ROLE@", "arn:aws:iam::123456789012:role/Dev".to_owned()),
            ("@HELPER@", r#"{"Version": 1, "AccessKeyId": "ASIAHELPER0000000001", "SecretAccessKey": "helper-secret-0001", "SessionToken": "helper-token-0001"}"#.to_owned()),
            ("@ALICE@", login_token::cache_file_name("arn:aws:iam::123456789012:user/alice")),
            ("@LATER@", at(8 * 3_600)),
            ("@SOON@", at(180)),
            ("@PAST@", at(-3_600)),
        ];
        for (name, value) in fixed {
            text = text.replace(name, &value);
        }
        // These open a port of their own.
        if text.contains("@METADATA@") {
            text = text.replace("@METADATA@", &world.metadata_url());
        }
        if text.contains("@PLAIN@") {
            text = text.replace("@PLAIN@", &world.plain_url());
        }
        if text.contains("@CONTAINER@") {
            text = text.replace("@CONTAINER@", &world.container_url());
        }
        text
    }
}

impl Found {
    fn says(&self, want: &str) -> bool {
        match want.strip_suffix('…') {
            Some(start) => self.answer.starts_with(start),
            None => self.answer == want,
        }
    }

    /// Whether everything but the answer is as the SDK has it.
    fn agrees_with(&self, sdk: &Self) -> bool {
        let same_region = sdk.region.is_none() || self.region == sdk.region;
        same_region
            && self.has_session_token == sdk.has_session_token
            && self.asked == sdk.asked
            && within_seconds(self.expires_at, sdk.expires_at)
    }
}

/// Whether two ends are the same: each run gets credentials of its own.
fn within_seconds(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.duration_since(other).abs() < SignedDuration::from_mins(1),
        (None, None) => true,
        _ => false,
    }
}

/// What the binary says.
fn doctor(machine: &Machine, world: &World) -> Found {
    let run = machine.run(DOCTOR, &COMMAND);
    let report = run.json();
    let credentials = report
        .pointer(CREDENTIALS)
        .unwrap_or_else(|| panic!("no credentials: {}\n{}", run.stdout, run.stderr));
    found(credentials, report.pointer(REGION), world)
}

/// What the SDK says.
fn sdk(node: &Path, folder: &Path, machine: &Machine, world: &World) -> Found {
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/js-sdk/judge.mjs");
    let run = machine.run(node, &[judge, &folder.display().to_string()]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let answer = run.json();
    found(&answer, answer.get("region"), world)
}

fn found(credentials: &Value, region: Option<&Value>, world: &World) -> Found {
    let text = |key: &str| credentials[key].as_str();
    let mut asked: Vec<String> = Vec::new();
    for question in world.requests().iter().map(question) {
        if !asked.contains(&question) {
            asked.push(question);
        }
    }
    world.forget_requests();
    Found {
        answer: text("access_key_id")
            .or(text("error"))
            .unwrap_or("neither an access key id nor an error")
            .to_owned(),
        has_session_token: credentials["has_session_token"] == true,
        expires_at: text("expires_at").and_then(|text| text.parse().ok()),
        region: region.and_then(Value::as_str).map(str::to_owned),
        asked,
    }
}

/// A request in one line: the operation, who signed, and what decides about the answer.
fn question(request: &Request) -> String {
    let mut line = request.operation.clone();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a `String` cannot fail.
            let _infallible = write!(line, " {name}={value}");
        }
    };
    add("at", Some(request.host.clone()));
    add("by", request.access_key_id.clone());
    add("in", request.signing_region.clone());
    for name in [
        "RoleArn",
        "ExternalId",
        "DurationSeconds",
        "WebIdentityToken",
    ] {
        add(name, request.form(name));
    }
    // Made up by each program where nothing is configured.
    let generated = |name: &String| {
        ["aws-sdk-js-", "bedrock-doctor-"]
            .iter()
            .any(|it| name.starts_with(it))
    };
    add(
        "RoleSessionName",
        request
            .form("RoleSessionName")
            .filter(|name| !generated(name)),
    );
    for name in ["account_id", "role_name"] {
        add(name, request.parameter(name));
    }
    for name in ["x-amz-sso_bearer_token", "x-aws-ec2-metadata-token"] {
        add(name, request.headers.get(name).cloned());
    }
    if request.service == "container" {
        add(
            "authorization",
            request.headers.get("authorization").cloned(),
        );
    }
    line
}

fn layouts() -> Vec<Layout> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sdk-for-javascript");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let layouts: Result<Layouts, _> = toml::from_str(&text);
            layouts
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
                .layout
        })
        .collect()
}

/// Node, wherever the machine of the test has it: the made-up machines have another `PATH`.
fn node() -> PathBuf {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("node"))
        .find(|node| node.is_file())
        .expect("node is installed where the SDK is")
}
