//! Every recorded run of Claude Code, replayed: the checkup puts the same on the wire as Claude Code did.
//!
//! `tests/data/observed` says what each version asked for with a given machine and a given AWS.
//! The checkup runs on the same machine and has to ask the same host for the same model with the same signature,
//! or to end for the same reason.
//! What cannot agree is listed with its reason in `tests/data/observed-exceptions.toml`.
//!
//! Longer than 400 lines: one subject, whose parts make sense together only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bedrock_doctor_world::{Machine, Request, Rule, World};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Checkup, checkup_with};

/// When the rows with an expiry that is not far away were recorded.
const RECORDED_AT: &str = "2026-11-22T17:42:27Z";

/// Rows recorded at another time.
const RECORDED_LATER: [(&str, &str); 1] = [("chain-sso-4min-no-refresh", "2026-11-22T18:54:00Z")];

/// What the account listed where a row does not say otherwise.
const LISTED: [&str; 8] = [
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-sonnet-4-6",
    "us.anthropic.claude-opus-4-8",
    "us.anthropic.claude-opus-5",
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
];

/// How many rows are replayed at a time.
const AT_A_TIME: usize = 4;

#[derive(Deserialize)]
struct Recording {
    claude_code: String,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    version: String,
    name: String,
    env: BTreeMap<String, Option<String>>,
    files: BTreeMap<String, Value>,
    args: Vec<String>,
    aws: Aws,
    outcome: Outcome,
}

#[derive(Default, Deserialize)]
struct Aws {
    inference_profiles: Option<Vec<String>>,
    #[serde(default)]
    rules: Vec<AwsRule>,
    #[serde(default)]
    nxdomain: Vec<String>,
}

#[derive(Deserialize)]
struct AwsRule {
    #[serde(rename = "match")]
    pattern: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
}

fn ok() -> u16 {
    200
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    message: Option<String>,
    requests: Vec<Asked>,
}

/// A request of Claude Code.
#[derive(Deserialize)]
struct Asked {
    host: String,
    path: String,
    signed_by: Option<String>,
    signing_region: Option<String>,
    authorization: Option<String>,
    body: Option<Value>,
}

#[derive(Deserialize)]
struct Exceptions {
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    version: String,
    row: String,
    reason: String,
}

/// Where a request went and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wire {
    host: String,
    /// Decoded, without query.
    path: String,
    /// The access key id, `Bearer …`, or nobody.
    signer: String,
    region: Option<String>,
}

impl Wire {
    fn new(
        host: &str,
        path: &str,
        key: Option<&str>,
        bearer: Option<&str>,
        region: Option<&str>,
    ) -> Self {
        let key = match key {
            // The recording names keys from STS in another way.
            Some(key) if key.starts_with("ASIAFROMSTS") => Some("ASIAFROMSTS"),
            key => key,
        };
        let signer = match (key, bearer) {
            (Some(key), _) => key.to_owned(),
            (None, Some(token)) => format!("Bearer {token}"),
            (None, None) => "nobody".to_owned(),
        };
        let path = path.split('?').next().unwrap_or_default();
        Self {
            host: host.to_owned(),
            path: decoded(path),
            signer,
            region: region.map(str::to_owned),
        }
    }

    fn is_stream(&self) -> bool {
        self.path.ends_with("/invoke-with-response-stream")
    }

    fn is_listing(&self) -> bool {
        self.path.ends_with("/inference-profiles")
    }
}

impl From<&Asked> for Wire {
    fn from(asked: &Asked) -> Self {
        Self::new(
            &asked.host,
            &asked.path,
            asked.signed_by.as_deref(),
            asked
                .authorization
                .as_deref()
                .map(|text| text.trim_start_matches("Bearer ")),
            asked.signing_region.as_deref(),
        )
    }
}

impl From<&Request> for Wire {
    fn from(request: &Request) -> Self {
        Self::new(
            &request.host,
            &request.path,
            request.access_key_id.as_deref(),
            request.bearer.as_deref(),
            request.signing_region.as_deref(),
        )
    }
}

/// Decodes `%3A`; what is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escape.unwrap_or(*first));
        rest = &tail[if escape.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn every_recorded_run_is_reproduced() {
    let rows = rows();
    let exceptions = exceptions();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = match cannot_be_replayed(row) {
                        Some(why) => Err(format!("not replayed: {why}")),
                        None => compare(row),
                    };
                    let key = (row.version.clone(), row.name.clone());
                    outcomes.lock().unwrap().insert(key, outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    assert_eq!(outcomes.len(), rows.len(), "two rows have the same name");
    report(&outcomes, &exceptions);
}

type Key = (String, String);

/// Fails with a table by version, unless every row agrees or is an exception, and every exception is needed.
fn report(outcomes: &BTreeMap<Key, Result<(), String>>, exceptions: &BTreeMap<Key, String>) {
    let mut table: BTreeMap<Vec<u32>, (String, [usize; 3])> = BTreeMap::new();
    let mut problems = String::new();
    for (key, outcome) in outcomes {
        let (version, name) = key;
        let order = version
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        let (_, counts) = table.entry(order).or_insert((version.clone(), [0; 3]));
        match (outcome, exceptions.get(key)) {
            (Ok(()), None) => counts[0] += 1,
            (Err(_), Some(_)) => counts[1] += 1,
            (Err(difference), None) => {
                counts[2] += 1;
                let _ = writeln!(problems, "{version} {name}: {difference}");
            }
            (Ok(()), Some(reason)) => {
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

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn exceptions() -> BTreeMap<Key, String> {
    let file: Exceptions = toml::from_str(&data("observed-exceptions.toml")).unwrap();
    let mut all = BTreeMap::new();
    for Exception {
        version,
        row,
        reason,
    } in file.exception
    {
        assert!(!reason.is_empty(), "{version} {row} has no reason");
        let earlier = all.insert((version, row), reason);
        assert_eq!(earlier, None, "an exception stands there twice");
    }
    all
}

/// The rows of all versions, and those that `default-models.json` says in short.
fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/observed");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("claude-code-"))
        .collect();
    names.sort();
    let mut rows = Vec::new();
    for name in names {
        let recording: Recording =
            serde_json::from_str(&data(&format!("observed/{name}"))).unwrap();
        rows.extend(recording.rows.into_iter().map(|row| Row {
            version: recording.claude_code.clone(),
            ..row
        }));
    }
    rows.extend(default_models());
    rows
}

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
            rows.push(Row {
                version: version.clone(),
                name: format!("default-models: {name}"),
                env,
                files: BTreeMap::new(),
                args: vec!["-p".to_owned(), "ping".to_owned()],
                aws,
                outcome: Outcome {
                    message: Some("pong".to_owned()),
                    requests: vec![Asked {
                        host: format!("bedrock-runtime.{region}.amazonaws.com"),
                        path: format!(
                            "/model/{}/invoke-with-response-stream",
                            model.as_str().unwrap()
                        ),
                        signed_by: Some("AKIAENV".to_owned()),
                        signing_region: Some(region.to_owned()),
                        authorization: None,
                        body: None,
                    }],
                },
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

/// Why a row must not be started here.
fn cannot_be_replayed(row: &Row) -> Option<&'static str> {
    if row.args != ["-p", "ping"] {
        return Some("arguments of claude");
    }
    if row.files.keys().any(|name| name.starts_with('/')) {
        return Some("a file outside of the home folder");
    }
    let text = json!([row.env, row.files]).to_string().to_lowercase();
    text.contains("no_proxy")
        .then_some("the way would lead past the pretend AWS")
}

/// Runs the checkup on the row's machine, and says where it differs from Claude Code.
fn compare(row: &Row) -> Result<(), String> {
    let world = world(row);
    let machine = machine(row, &world);
    let checkup = checkup_with(&machine, &["--refresh"]);
    let asked: Vec<Wire> = row.outcome.requests.iter().map(Wire::from).collect();
    let got: Vec<Wire> = world.requests().iter().map(Wire::from).collect();
    let Some(want) = main_request(row, &asked) else {
        return compare_end(row, &checkup, &got);
    };
    let facts = &checkup.report["facts"];
    let model = facts["configuration"]["value"]["models"]["main"]["value"]
        .as_str()
        .unwrap_or_default();
    let ending = format!("/model/{model}/invoke-with-response-stream");
    let main = got.iter().find(|wire| wire.path.ends_with(&ending));
    same("main request", Some(want), main).map_err(|difference| {
        format!(
            "{difference}; credentials {}; invocations {}",
            facts["credentials"]["value"]["steps"], facts["invocations"]
        )
    })?;
    // In old versions it is chance whether the listing comes before the end.
    if let Some(listing) = asked.iter().find(|wire| wire.is_listing()) {
        same(
            "profile listing",
            Some(listing),
            got.iter().find(|wire| wire.is_listing()),
        )?;
    }
    let want: BTreeSet<Wire> = row
        .outcome
        .requests
        .iter()
        .filter(|asked| gets_credentials(&asked.path, asked.body.as_ref()))
        .map(Wire::from)
        .collect();
    let got: BTreeSet<Wire> = world
        .requests()
        .iter()
        .filter(|request| gets_credentials(&request.path, Some(&json!(request.body))))
        .map(Wire::from)
        .collect();
    if want == got {
        return Ok(());
    }
    Err(format!(
        "calls for credentials: Claude Code {want:?}, checkup {got:?}"
    ))
}

/// The last request for a stream that is no background job: old versions ask Haiku for one at the start.
fn main_request<'a>(row: &Row, asked: &'a [Wire]) -> Option<&'a Wire> {
    let streams = || asked.iter().filter(|wire| wire.is_stream());
    let is_old = row.version.starts_with("2.0.");
    let is_background = |wire: &Wire| is_old && wire.path.contains("claude-3-5-haiku");
    streams()
        .rfind(|wire| !is_background(wire))
        .or_else(|| streams().next_back())
}

fn same(what: &str, want: Option<&Wire>, got: Option<&Wire>) -> Result<(), String> {
    if want == got {
        return Ok(());
    }
    Err(format!("{what}: Claude Code {want:?}, checkup {got:?}"))
}

fn gets_credentials(path: &str, body: Option<&Value>) -> bool {
    let form = body.map(Value::to_string).unwrap_or_default();
    path.starts_with("/federation/credentials")
        || path == "/token"
        || form.contains("Action=AssumeRole")
}

/// Claude Code made no request for a stream: neither may the checkup, and it has to know why.
fn compare_end(row: &Row, checkup: &Checkup, got: &[Wire]) -> Result<(), String> {
    if let Some(wire) = got.iter().find(|wire| wire.is_stream()) {
        return Err(format!("Claude Code made no request, the checkup {wire:?}"));
    }
    let facts = &checkup.report["facts"];
    let provider = &facts["configuration"]["value"]["provider"]["value"];
    let message = row.outcome.message.as_deref().unwrap_or_default();
    let is_bedrock = provider == "bedrock" || provider == "bedrock-and-mantle";
    let logged_out = message.ends_with("Please run /login");
    if logged_out || !is_bedrock {
        return if logged_out && provider == "anthropic" {
            Ok(())
        } else {
            Err(format!("provider {provider}, and Claude Code: {message}"))
        };
    }
    let credentials = &facts["credentials"]["value"];
    if let Some(cause) = credential_error(message) {
        let printed = credentials["error"].as_str().unwrap_or_default();
        // Claude Code puts one full stop behind the cause, whether it has one or not.
        return if credentials["kind"] == "none" && printed.trim_end_matches('.') == cause {
            Ok(())
        } else {
            Err(format!(
                "Claude Code: {cause}\n    checkup: {} {}\n    {}",
                credentials["kind"], credentials["error"], credentials["steps"]
            ))
        };
    }
    // The request did not get out, or Claude Code still tried to get credentials when its time was over.
    let main = &facts["invocations"]["value"][0]["outcome"];
    let stuck = main["status"] == "failed" && main["value"]["kind"] != "service";
    if credentials["kind"] == "none" || stuck {
        return Ok(());
    }
    Err(format!("Claude Code: {message}; checkup: {main}"))
}

/// The cause in what Claude Code printed, when it ended for want of credentials.
fn credential_error(message: &str) -> Option<&str> {
    if message.starts_with("Error getting AWS credentials from awsCredentialExport") {
        // Older versions print this for every attempt and nothing about the chain, which had nothing either.
        return Some("Could not load credentials from any providers");
    }
    let cause = message.strip_prefix("API Error: ")?;
    if let Some(cause) = cause.strip_prefix("Could not load AWS credentials · ") {
        return cause.strip_suffix(". Check or refresh your AWS credentials and try again.");
    }
    let shown_raw = cause.starts_with("undefined is not an object") || cause.contains(" sts:");
    shown_raw.then_some(cause)
}

fn world(row: &Row) -> World {
    let world = World::healthy();
    let listed = row.aws.inference_profiles.as_ref().map_or_else(
        || LISTED.to_vec(),
        |ids| ids.iter().map(String::as_str).collect(),
    );
    world.inference_profiles(&listed);
    // The computer that recorded was no EC2 instance.
    world.rule(Rule::new("imds", "").respond(404, &[], ""));
    for rule in row.aws.rules.iter().filter_map(translated) {
        world.rule(rule);
    }
    for host in &row.aws.nxdomain {
        world.dns_failure(host);
    }
    for asked in &row.outcome.requests {
        world.gateway(&asked.host);
    }
    world
}

/// A rule of the recording. Those about models change what AWS answers, not what it is asked.
fn translated(rule: &AwsRule) -> Option<Rule> {
    let AwsRule {
        pattern,
        status,
        headers,
        body,
    } = rule;
    if pattern.contains("model/") || pattern.contains("invoke") {
        return None;
    }
    let pattern = pattern
        .strip_prefix('^')
        .unwrap_or_else(|| panic!("a rule of a new form: {pattern}"));
    let (host, form) = pattern.split_once(".*").unwrap_or((pattern, ""));
    let host = host.trim_end_matches("\\.");
    assert!(
        (host.to_owned() + form)
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-'),
        "a rule of a new form: {pattern}"
    );
    let json = [("content-type", "application/json")];
    let mut headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = match body {
        Value::String(text) => text.clone(),
        body => {
            if !headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            {
                headers.extend(json);
            }
            body.to_string()
        }
    };
    Some(
        Rule::new(host, "")
            .body(form)
            .respond(*status, &headers, body),
    )
}

fn machine(row: &Row, world: &World) -> Machine {
    let mut machine = Machine::new(world);
    machine
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("CLAUDE_CODE_USE_BEDROCK", "1")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &world.metadata_url());
    let program = format!("~/.local/share/claude/versions/{}", row.version);
    machine
        .executable(&program, "#!/bin/sh\nexit 70\n")
        .link("~/.local/bin/claude", &program);
    for (name, value) in &row.env {
        match value {
            Some(value) => machine.env(name, value),
            None => machine.env_remove(name),
        };
    }
    let recorded_at: Timestamp = RECORDED_LATER
        .iter()
        .find(|(name, _)| *name == row.name)
        .map_or(RECORDED_AT, |(_, at)| at)
        .parse()
        .unwrap();
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    for (name, content) in &row.files {
        let text = match content {
            Value::String(text) => text.clone(),
            content => content.to_string(),
        };
        let text = moved(&text, now.duration_since(recorded_at));
        if Path::new(name).extension().is_some_and(|end| end == "sh") {
            machine.executable(name, &text);
        } else {
            machine.file(name, &text);
        }
    }
    machine
}

/// The text with every expiry that is not far away moved as far as the clock has moved since.
fn moved(text: &str, by: SignedDuration) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("xpiresAt\"") {
        let (before, after) = rest.split_at(at + "xpiresAt\"".len());
        out.push_str(before);
        rest = after;
        let Some(quote) = rest.find('"') else { break };
        let (before, after) = rest.split_at(quote + 1);
        let end = after.find('"').unwrap_or(after.len());
        out.push_str(before);
        let date = &after[..end];
        match date.parse::<Timestamp>() {
            Ok(at) if !date.starts_with("2099") => {
                let at = at.checked_add(by).unwrap();
                let _ = write!(out, "{}", at.strftime("%Y-%m-%dT%H:%M:%SZ"));
            }
            _ => out.push_str(date),
        }
        rest = &after[end..];
    }
    out + rest
}
