//! Recorded runs of Claude Code: their form, and the machine and the AWS that a row stands for.
//!
//! `docs/conformance.md` says how the rows are read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bedrock_doctor_world::{Machine, Request, Rule, Run, World};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

/// All rows of one version.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recording {
    pub(crate) claude_code: String,
    pub(crate) rows: Vec<Row>,
}

/// A configuration, and what Claude Code did with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) env: BTreeMap<String, Option<String>>,
    pub(crate) files: BTreeMap<String, Value>,
    pub(crate) args: Vec<String>,
    pub(crate) aws: Aws,
    #[serde(default)]
    pub(crate) outcome: Outcome,
}

/// What is different from the AWS of most rows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Aws {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inference_profiles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<AwsRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nxdomain: Vec<String>,
    /// Whether the machine is an EC2 instance with a role.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) instance_role: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AwsRule {
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) body: Value,
}

fn ok() -> u16 {
    200
}

/// How a run ended and what it asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The exit code, or that the time limit ended it.
    #[serde(default)]
    pub(crate) exit: Value,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) seconds: f64,
    #[serde(default)]
    pub(crate) names_resolved: Vec<String>,
    pub(crate) requests: Vec<Asked>,
}

/// A request of Claude Code.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u32>,
    /// Header fields that begin with `x-`, and the model where the body has it.
    #[serde(flatten)]
    pub(crate) fields: BTreeMap<String, Value>,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let is_listing = request.path.ends_with("/inference-profiles");
        let path = match request.query.as_str() {
            "" => request.path.clone(),
            _ if is_listing => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        let keeps_body = matches!(request.service.as_str(), "sts" | "oidc");
        let kept = ["x-amz-sso_bearer_token", "x-amzn-bedrock-", "x-api-key"];
        let fields = request
            .headers
            .iter()
            .filter(|(name, _)| kept.iter().any(|kept| name.starts_with(kept)))
            .map(|(name, value)| (name.clone(), json!(value)));
        // Elsewhere the path has the model.
        let body: Option<Value> = request
            .path
            .ends_with("/v1/messages")
            .then(|| serde_json::from_str(&request.body).unwrap_or_default());
        let model = body.map(|body| ("model".to_owned(), body["model"].clone()));
        Self {
            method: request.method.clone(),
            host: request.host.clone(),
            path,
            status: request.status,
            signed_by: request.access_key_id.clone(),
            signing_region: request.signing_region.clone(),
            service: request.signing_service.clone(),
            authorization: request.bearer.as_ref().map(|it| format!("Bearer {it}")),
            session_token: request.headers.get("x-amz-security-token").cloned(),
            body: (keeps_body && !request.body.is_empty()).then(|| json!(request.body)),
            times: None,
            fields: fields.chain(model).collect(),
        }
    }
}

impl Outcome {
    /// What a run showed and asked; equal requests are folded.
    pub(crate) fn of(run: &Run, ended: bool, requests: &[Request], names: Vec<String>) -> Self {
        let mut folded: Vec<Asked> = Vec::new();
        // Every machine is asked whether it is an EC2 instance; only one that is has something to say.
        let is_told = |request: &&Request| request.service != "imds" || request.status != Some(404);
        for asked in requests.iter().filter(is_told).map(Asked::from) {
            let same = |known: &&mut Asked| {
                Asked {
                    times: None,
                    ..(**known).clone()
                } == asked
            };
            match folded.iter_mut().find(same) {
                Some(known) => known.times = Some(known.times.unwrap_or(1) + 1),
                None => folded.push(asked),
            }
        }
        let [stdout, stderr] = [&run.stdout, &run.stderr].map(|text| text.trim());
        let message = if stdout.is_empty() { stderr } else { stdout };
        Self {
            exit: if ended {
                json!(run.code)
            } else {
                json!("stopped by the time limit")
            },
            message: Some(message.to_owned()),
            seconds: (run.seconds * 10.0).round() / 10.0,
            names_resolved: names,
            requests: folded,
        }
    }
}

/// A file of the recorded data.
pub(crate) fn data(name: &str) -> String {
    let path = data_folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The rows of all versions.
pub(crate) fn recordings() -> Vec<Recording> {
    let mut names: Vec<String> = std::fs::read_dir(data_folder().join("observed"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("claude-code-"))
        .collect();
    names.sort();
    names
        .iter()
        .map(|name| {
            let mut recording: Recording =
                serde_json::from_str(&data(&format!("observed/{name}"))).unwrap();
            for row in &mut recording.rows {
                row.version.clone_from(&recording.claude_code);
            }
            recording
        })
        .collect()
}

/// The version and the name of a row.
pub(crate) type Key = (String, String);

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

/// The rows that cannot agree, with the reason.
pub(crate) fn exceptions() -> BTreeMap<Key, String> {
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

impl Row {
    /// What the clock showed.
    pub(crate) fn recorded_at(&self) -> Timestamp {
        let later = RECORDED_LATER.iter().find(|(name, _)| *name == self.name);
        later.map_or(RECORDED_AT, |(_, at)| at).parse().unwrap()
    }

    /// The AWS of the row.
    pub(crate) fn world(&self) -> World {
        let world = World::healthy();
        let listed = self.aws.inference_profiles.as_ref().map_or_else(
            || LISTED.to_vec(),
            |ids| ids.iter().map(String::as_str).collect(),
        );
        // The AWS of the recordings looked at no signature.
        world.inference_profiles(&listed).any_signature();
        if !self.aws.instance_role {
            world.rule(Rule::new("imds", "").respond(404, &[], ""));
        }
        for rule in &self.aws.rules {
            world.rule(translated(rule));
        }
        for host in &self.aws.nxdomain {
            world.dns_failure(host);
        }
        world
    }

    /// Puts the row's variables and files on a machine, with every expiry moved as far as the clock has moved since.
    pub(crate) fn furnish(&self, machine: &mut Machine, moved_by: SignedDuration) {
        machine
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_USE_BEDROCK", "1");
        for (name, value) in &self.env {
            match value {
                Some(value) => machine.env(name, value),
                None => machine.env_remove(name),
            };
        }
        for (name, content) in &self.files {
            let text = match content {
                Value::String(text) => text.clone(),
                content => content.to_string(),
            };
            let text = moved(&text, moved_by);
            if Path::new(name).extension().is_some_and(|end| end == "sh") {
                machine.executable(name, &text);
            } else {
                machine.file(name, &text);
            }
        }
    }

    /// The arguments of Claude Code that decide something, as this program takes them.
    pub(crate) fn arguments(&self, machine: &Machine) -> Vec<String> {
        let mut words = self.args.iter();
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            if word == "--settings" || word == "--model" {
                let value = words.next().expect("a flag has a value");
                kept.extend([word.clone(), machine.fill_in(value)]);
            }
        }
        kept
    }
}

/// A rule of the recording, whose regular expressions are of three forms: `^host`, `^host.*text in the body`, `text in
/// the path`.
fn translated(rule: &AwsRule) -> Rule {
    let mut headers: Vec<(&str, &str)> = rule
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = match &rule.body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => {
            let is_type = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("content-type");
            if !headers.iter().any(is_type) {
                headers.push(("content-type", "application/json"));
            }
            body.to_string()
        }
    };
    let pattern = &rule.pattern;
    let is_plain = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-/._".contains(c);
        assert!(text.chars().all(plain), "a rule of a new form: {pattern}");
    };
    let matching = match pattern.strip_prefix('^') {
        None => {
            is_plain(pattern);
            Rule::new("", pattern)
        }
        Some(pattern) => {
            let (host, form) = pattern.split_once(".*").unwrap_or((pattern, ""));
            let host = host.trim_end_matches("\\.");
            is_plain(host);
            is_plain(form);
            Rule::new(host, "").body(form)
        }
    };
    matching.respond(rule.status, &headers, body)
}

/// The text with every expiry that is not far away moved.
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
