//! Compares what this program says Claude Code will do with what Claude Code did.
//!
//! Both sides become [`Asked`] requests and a reason to end; the rest of the tests does not know which command of this
//! program was asked. `docs/conformance.md` says what is compared.

mod wire;

use std::collections::BTreeSet;

use bedrock_doctor_world::Request;
use serde_json::{Value, json};

use self::wire::{ANY_TOKEN, NOBODY, Wire, derived};
use crate::recording::{Asked, Outcome, Row};

/// A field in which the two sides differ.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Difference {
    pub(crate) field: String,
    pub(crate) claude: String,
    pub(crate) doctor: String,
}

impl Difference {
    fn new(field: &str, claude: impl std::fmt::Debug, doctor: impl std::fmt::Debug) -> Self {
        Self {
            field: field.to_owned(),
            claude: format!("{claude:?}"),
            doctor: format!("{doctor:?}"),
        }
    }
}

/// The arguments that make this program say what Claude Code will do; `more` are flags such as `--model`.
pub(crate) fn arguments(more: &[String]) -> Vec<String> {
    let mut words = if THROUGH_RESOLVE {
        vec!["resolve", "--format", "json", "--show-identifiers"]
    } else {
        vec!["check", "--format", "json", "--show-identifiers"]
    };
    if renews() {
        words.push("--refresh");
    }
    words.extend(more.iter().map(String::as_str));
    words.into_iter().map(str::to_owned).collect()
}

/// The pinned version.
pub(crate) const NEWEST: &str = "2.1.330";

/// Whether `resolve` is asked, or the facts of a checkup.
const THROUGH_RESOLVE: bool = true;

/// Whether the command knows `--refresh`.
fn renews() -> bool {
    use clap::CommandFactory as _;
    bedrock_doctor::Cli::command()
        .find_subcommand(if THROUGH_RESOLVE { "resolve" } else { "check" })
        .is_some_and(|command| {
            command
                .get_arguments()
                .any(|argument| argument.get_long() == Some("refresh"))
        })
}

/// What this program says, from whichever command.
pub(crate) struct Doctor {
    /// As `resolve` calls them.
    provider: String,
    main: Option<Wire>,
    listing: Option<Wire>,
    credential_calls: BTreeSet<Wire>,
    kind: String,
    error: String,
    /// The settings files that Claude Code cannot use, by path.
    broken_files: Vec<String>,
    /// For a person who wants to know why.
    why: String,
}

impl Doctor {
    /// From the answer to [`arguments`] and what was asked of AWS for it.
    pub(crate) fn from(answer: &Value, asked: &[Request]) -> Self {
        if THROUGH_RESOLVE {
            Self::from_resolve(answer, asked)
        } else {
            Self::from_check(answer, asked)
        }
    }

    /// From the report of `check --format json` and what it asked.
    fn from_check(report: &Value, asked: &[Request]) -> Self {
        let configuration = &report["facts"]["configuration"]["value"];
        let credentials = &report["facts"]["credentials"]["value"];
        let requests: Vec<Asked> = asked.iter().map(Asked::from).collect();
        let wires: Vec<Wire> = requests.iter().map(Wire::from).collect();
        let model = text(&configuration["models"]["main"]["value"]);
        let region = text(&configuration["region"]["value"]);
        let endpoint = text(&configuration["runtime"]["endpoint"]["value"]);
        let listing = wires.iter().find(|wire| wire.is_listing()).cloned();
        let ending = format!("/model/{model}/invoke-with-response-stream");
        let seen = wires.iter().find(|wire| wire.path.ends_with(&ending));
        let main = seen.cloned().or_else(|| {
            // The checkup leaves the invocation out where it could start a subscription.
            let signer = listing.as_ref()?.signer.clone();
            (credentials["kind"] != "none").then(|| derived(&endpoint, &ending, signer, &region))
        });
        Self {
            provider: text(&configuration["provider"]["value"]),
            main,
            listing,
            credential_calls: credential_calls(&requests),
            kind: text(&credentials["kind"]),
            error: text(&credentials["error"]),
            broken_files: broken_files(&configuration["settings_files"]),
            why: format!(
                "credentials {}; invocations {}",
                credentials["steps"], report["facts"]["invocations"]
            ),
        }
    }

    /// From the answer of `resolve --format json --refresh --show-identifiers` and what it asked.
    fn from_resolve(answer: &Value, asked: &[Request]) -> Self {
        let requests: Vec<Asked> = asked.iter().map(Asked::from).collect();
        let wires: Vec<Wire> = requests.iter().map(Wire::from).collect();
        let credentials = &answer["credentials"];
        let kind = text(&credentials["kind"]);
        // In a signature a slash ends the Region.
        let region = text(&answer["region"]["value"]);
        let region = region.split('/').next().unwrap_or_default();
        let listing = wires.iter().find(|wire| wire.is_listing()).cloned();
        let signer = match credentials["access_key_id"].as_str() {
            Some(key) if key.starts_with("ASIAFROMSTS") => "ASIAFROMSTS".to_owned(),
            Some(key) => key.to_owned(),
            // A token is not shown; the listing carries the same one, unless a project's settings bring it too late.
            None if kind == "api-key" => match &listing {
                Some(wire) if wire.signer.starts_with(ANY_TOKEN) => wire.signer.clone(),
                _ => ANY_TOKEN.to_owned(),
            },
            None => match &listing {
                Some(wire) => wire.signer.clone(),
                None => NOBODY.to_owned(),
            },
        };
        let main = answer["request"]["url"].as_str().map(|url| Wire {
            model: answer["models"]["main"]["value"]
                .as_str()
                .map(str::to_owned),
            ..derived(url, "", signer, region)
        });
        Self {
            main: main.filter(|_| kind != "none"),
            provider: text(&answer["provider"]["value"]),
            listing,
            credential_calls: credential_calls(&requests),
            kind,
            error: text(&credentials["error"]),
            broken_files: broken_files(&answer["settings_files"]),
            why: format!("credentials {}", credentials["steps"]),
        }
    }

    /// Where Claude Code did something else.
    pub(crate) fn differences(&self, row: &Row) -> Vec<Difference> {
        let message = row.outcome.message.as_deref().unwrap_or_default();
        if let Some(path) = fatal_file(message) {
            // Claude Code ends here; this program looks further, and says so.
            let agree = self.broken_files.contains(&path);
            let difference = || Difference::new("broken file", &path, &self.broken_files);
            return (!agree).then(difference).into_iter().collect();
        }
        let asked: Vec<Wire> = row.outcome.requests.iter().map(Wire::from).collect();
        let mut found = match main_request(row, &asked) {
            Some(want) => self.request_differs(want),
            None => self.end_differs(row).into_iter().collect(),
        };
        let listing = asked.iter().find(|wire| wire.is_listing());
        // In old versions it is chance whether the listing comes before the end, and some rows say the main request only.
        let says_it_all = row.version == NEWEST && !row.outcome.exit.is_null();
        let none_is_known = says_it_all && asked.iter().any(Wire::is_main);
        let decided = listing.is_some() || none_is_known;
        if decided && !late_credentials(row) && listing != self.listing.as_ref() {
            found.push(Difference::new("profile listing", listing, &self.listing));
        }
        let mut want = credential_calls(&row.outcome.requests);
        // The start-up check of a background model in another Region assumes the role there once more.
        let told = json!([row.env, row.files]).to_string();
        if told.contains("ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION") {
            want.retain(|wire| {
                !wire.host.starts_with("sts.") || self.credential_calls.contains(wire)
            });
        }
        if want != self.credential_calls {
            found.push(Difference::new(
                "calls for credentials",
                want,
                &self.credential_calls,
            ));
        }
        if let Some(last) = found.last_mut() {
            last.doctor.extend(["\n      because: ", &self.why]);
        }
        found
    }

    fn request_differs(&self, want: &Wire) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differ =
            |field: &str, claude: &dyn std::fmt::Debug, doctor: &dyn std::fmt::Debug| {
                found.push(Difference::new(field, claude, doctor));
            };
        if !want.providers().contains(&self.provider.as_str()) {
            differ("provider", &want.providers(), &self.provider);
        } else if self.provider == "anthropic" {
            return found;
        }
        match &self.main {
            None => differ(
                "main request",
                want,
                &format!("none: {} {}", self.kind, self.error),
            ),
            Some(got) => {
                if want.host != got.host {
                    differ("endpoint", &want.host, &got.host);
                }
                if want.path != got.path {
                    differ("model", &want.path, &got.path);
                }
                if want.model.is_some() && want.model != got.model {
                    differ("model", &want.model, &got.model);
                }
                let is_some_token = got.signer == ANY_TOKEN && want.signer.starts_with(ANY_TOKEN);
                if want.signer != got.signer && !is_some_token {
                    differ("signer", &want.signer, &got.signer);
                }
                if want.signer != NOBODY && want.region != got.region && want.region.is_some() {
                    differ("signing Region", &want.region, &got.region);
                }
            }
        }
        found
    }

    /// Claude Code made no main request: neither may this program foresee one, and it has to know why.
    fn end_differs(&self, row: &Row) -> Option<Difference> {
        let message = row.outcome.message.as_deref().unwrap_or_default();
        // Warnings about settings files follow.
        let first = message.lines().next().unwrap_or_default();
        let logged_out = first.ends_with("Please run /login");
        let goes_to_aws = ["bedrock", "bedrock+mantle", "mantle", "anthropic-aws"];
        if message.is_empty() {
            // The limit ended it before it said or asked anything.
            return None;
        }
        if logged_out || !goes_to_aws.contains(&self.provider.as_str()) {
            let agree = if logged_out {
                self.provider == "anthropic"
            } else {
                let words = message.to_ascii_lowercase();
                words.contains(&self.provider.replace("vertex", "google cloud"))
            };
            return (!agree).then(|| Difference::new("provider", message, &self.provider));
        }
        if let Some(cause) = credential_error(message) {
            let agree = self.kind == "none" && same_cause(cause, &self.error);
            let got = format!("{} {}", self.kind, self.error);
            return (!agree).then(|| Difference::new("why there are no credentials", cause, got));
        }
        None
    }
}

/// Whether a project's settings bring credentials: whether they still reach the profile listing is a matter of time.
fn late_credentials(row: &Row) -> bool {
    [".claude/settings.json", ".claude/settings.local.json"]
        .iter()
        .filter_map(|name| row.files.get(*name))
        .any(|content| {
            let text = content.to_string();
            [
                "AWS_BEARER_TOKEN_BEDROCK",
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
            ]
            .iter()
            .any(|name| text.contains(name))
        })
}

/// Whether two texts name the same cause.
fn same_cause(claude: &str, doctor: &str) -> bool {
    // Where it is wrong is said by the JavaScript engine.
    let json = "JSON Parse error";
    let cut = |text: &str| text.split(json).next().unwrap_or_default().to_owned();
    // Claude Code puts one full stop behind the cause, whether it has one or not.
    let [claude, doctor] = [claude, doctor].map(|text| text.replace("@HOME@", "~"));
    let [claude, doctor] = [&*claude, &*doctor].map(|text| text.trim_end_matches('.'));
    claude == doctor || (claude.contains(json) && cut(claude) == cut(doctor))
}

/// The file at which Claude Code ended.
fn fatal_file(message: &str) -> Option<String> {
    let managed = message.split_once(": Managed settings document");
    let state = || {
        let rest = message.strip_prefix("Claude configuration file at ")?;
        rest.split_once(" is corrupted")
    };
    let (path, _) = managed.or_else(state)?;
    Some(path.replace("@HOME@", "~"))
}

fn broken_files(files: &Value) -> Vec<String> {
    let is_broken = |file: &&Value| {
        let state = file["state"]["state"].as_str().unwrap_or_default();
        state != "used" && state != "absent"
    };
    let files = files.as_array().into_iter().flatten().filter(is_broken);
    files.map(|file| text(&file["path"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The calls that get credentials: IAM Identity Center's portal, and STS for a role.
fn credential_calls(requests: &[Asked]) -> BTreeSet<Wire> {
    let gets_credentials = |asked: &&Asked| {
        let form = asked.body.as_ref().map(Value::to_string);
        asked.path.starts_with("/federation/credentials")
            || form.is_some_and(|form| form.contains("Action=AssumeRole"))
    };
    let calls = requests.iter().filter(gets_credentials);
    calls.map(Wire::from).collect()
}

/// Where two runs of Claude Code with the same row differ: the main request, or the reason for none.
pub(crate) fn request_differences(row: &Row, now: &Outcome) -> Vec<Difference> {
    let wires =
        |outcome: &Outcome| -> Vec<Wire> { outcome.requests.iter().map(Wire::from).collect() };
    let (then, mut asked) = (wires(&row.outcome), wires(now));
    if then.iter().all(|wire| wire.model.is_none()) {
        // Older recordings leave the model in a body out.
        for wire in &mut asked {
            wire.model = None;
        }
    }
    let (then, asked) = (main_request(row, &then), main_request(row, &asked));
    if then != asked {
        return vec![Difference::new("main request", then, asked)];
    }
    let cause =
        |outcome: &Outcome| credential_error(outcome.message.as_deref()?).map(str::to_owned);
    let (then, now) = (cause(&row.outcome), cause(now));
    // A run that the limit ended earlier has not said it yet.
    if now.is_some() && then != now {
        return vec![Difference::new("why there are no credentials", then, now)];
    }
    Vec::new()
}

/// The last request for a stream that is no background job: old versions ask Haiku for one at the start.
fn main_request<'a>(row: &Row, asked: &'a [Wire]) -> Option<&'a Wire> {
    let streams = || asked.iter().filter(|wire| wire.is_main());
    let is_old = row.version.starts_with("2.0.");
    let is_background = |wire: &Wire| is_old && wire.path.contains("claude-3-5-haiku");
    streams()
        .rfind(|wire| !is_background(wire))
        .or_else(|| streams().next_back())
}

/// The cause in what Claude Code printed, when it ended for want of credentials.
fn credential_error(message: &str) -> Option<&str> {
    if message.starts_with("Error getting AWS credentials from awsCredentialExport") {
        // Older versions print this for every attempt and nothing about the chain, which had nothing either.
        return Some("Could not load credentials from any providers");
    }
    let cause = message.strip_prefix("API Error: ")?;
    if let Some(cause) = cause.strip_prefix("Could not load AWS credentials · ") {
        let (cause, _) = cause.split_once(". Check or refresh your AWS credentials")?;
        return Some(cause);
    }
    let shown_raw = cause.starts_with("undefined is not an object")
        || cause.starts_with("Bedrock credentials are managed")
        || cause.contains(" sts:");
    shown_raw.then_some(cause)
}
