//! `resolve` for people at a terminal: each value, where it comes from, what it beats.
//!
//! Longer than 400 lines: one table, row by row.

use bedrock_doctor_checks::facts::{
    AwsCliCredentials, CredentialKind, SettingsFile, SettingsState, Source, SourceKind,
    StepOutcome, Value,
};
use bedrock_doctor_checks::finding::Status;
use bedrock_doctor_checks::forecast::RenewedBy;
use bedrock_doctor_checks::text::relative;
use jiff::Timestamp;
use owo_colors::Style;

use super::page::{Look, Page, visible};
use super::summary::versions;
use crate::resolution::{AwsCliView, Request, Resolution, ResolvedStep};

/// Where the text behind a heading begins.
const INDENT: usize = 14;

/// The whole answer.
pub(crate) fn render(resolution: &Resolution, now: Timestamp, look: Look) -> String {
    let mut table = Table {
        now,
        page: Page {
            lines: Vec::new(),
            look,
        },
    };
    let header = versions(&resolution.tool, &resolution.claude_code);
    table
        .page
        .text(&look.paint(&header, Style::new().dimmed()), 0);
    table.page.what_if(&resolution.what_if);
    table.page.blank();
    let provider = resolution.provider.value;
    let words = resolution
        .provider
        .clone()
        .map(|provider| provider.words().to_owned());
    table.texts("Provider", &words);
    if let Some(stops) = &resolution.stops {
        let text = format!(
            "{} it ends at its start, because of {stops}",
            look.sign(Status::Fail)
        );
        table.row("Claude Code", &[text]);
    }
    if !provider.uses_aws_credentials() {
        table.files(resolution);
        table.list("Open", &resolution.open);
        return table.page.lines.join("\n") + "\n";
    }
    table.texts("Region", &resolution.region);
    table.texts("Profile", &resolution.profile);
    table.credentials(resolution);
    table.lifetime(resolution);
    table.models(resolution);
    table.way(resolution);
    table.tls(resolution);
    table.files(resolution);
    table.ignored(resolution);
    table.aws_cli(resolution);
    table.notes(resolution);
    table.list("Open", &resolution.open);
    table.page.lines.join("\n") + "\n"
}

struct Table {
    page: Page,
    now: Timestamp,
}

impl Table {
    /// A row: the heading before the first line, the others below it.
    fn row(&mut self, heading: &str, lines: &[String]) {
        let first = self.page.lines.len();
        for line in lines {
            let lead = line.len() - line.trim_start().len();
            self.page
                .text(&format!("{:INDENT$}{line}", ""), INDENT + lead + 2);
        }
        if let Some(line) = self.page.lines.get_mut(first) {
            let painted = self.page.look.paint(heading, Style::new().bold());
            let room = INDENT.saturating_sub(visible(heading));
            *line = format!("{painted}{:room$}{}", "", line.trim_start());
        }
    }

    fn dim(&self, text: &str) -> String {
        self.page.look.paint(text, Style::new().dimmed())
    }

    /// A value, its source, and what it beats.
    fn texts(&mut self, heading: &str, value: &Value<String>) {
        let mut lines = vec![value.value.clone(), self.dim(&from(&value.source))];
        lines.extend(self.losers(value));
        self.row(heading, &lines);
    }

    fn losers(&self, value: &Value<String>) -> Vec<String> {
        let told = value.overridden.iter().map(|lost| {
            if lost.value == value.value {
                return format!("also {}", lost.source.words());
            }
            format!("not `{}`: {}", lost.value, lost.source.words())
        });
        told.map(|text| self.dim(&text)).collect()
    }

    fn credentials(&mut self, resolution: &Resolution) {
        let found = &resolution.credentials;
        let is_tried =
            !matches!(found.steps.last(), Some(last) if last.outcome == StepOutcome::NotTried);
        let mut what = who(
            found.kind,
            is_tried,
            found.profile.as_ref(),
            found.access_key_id.as_ref(),
        );
        what.extend(found.expires_at.map(|at| {
            let verb = if at <= self.now { "expired" } else { "expires" };
            format!("{verb} {}", relative(at, self.now))
        }));
        let mut lines = vec![what.join(" · ")];
        lines.extend(
            found
                .error
                .as_ref()
                .map(|error| format!("Claude Code ends with: {error}")),
        );
        lines.extend(found.steps.iter().map(|step| self.step(step)));
        lines.extend(found.auth_refresh.as_ref().map(|run| {
            let outcome = run.failure.as_ref().map_or_else(String::new, |failure| {
                format!("; it failed: {}", failure.words())
            });
            format!("`awsAuthRefresh` was run, because {}{outcome}", run.because)
        }));
        lines.extend(
            found
                .not_saved
                .as_ref()
                .map(|why| format!("the renewed token could not be written: {why}")),
        );
        self.row("Credentials", &lines);
    }

    fn lifetime(&mut self, resolution: &Resolution) {
        let layers = resolution.forecast.layers.iter().map(|layer| {
            let who = match layer.renewed_by {
                RenewedBy::ClaudeCode => "Claude Code gets a new one by itself",
                RenewedBy::AuthRefresh => "`awsAuthRefresh` gets a new one",
                RenewedBy::You => "sign in again",
                RenewedBy::Nobody => "nothing renews it",
            };
            let (verb, then) = if layer.expires_at <= self.now {
                ("expired", "")
            } else {
                ("expires", " then")
            };
            let then = if layer.renewed_by == RenewedBy::You {
                then
            } else {
                ""
            };
            let when = relative(layer.expires_at, self.now);
            format!("{}: {verb} {when}; {who}{then}", layer.layer.words())
        });
        let layers: Vec<String> = layers.collect();
        self.list("Lasts", &layers);
    }

    /// What the checks say about it, with the name under which `explain` knows them.
    fn notes(&mut self, resolution: &Resolution) {
        let look = self.page.look;
        let notes = resolution.notes.iter();
        let notes: Vec<String> = notes
            .map(|note| format!("{} {} [{}]", look.sign(note.status), note.what, note.id))
            .collect();
        self.list("Look at", &notes);
    }

    /// Where the AWS CLI would decide differently.
    fn aws_cli(&mut self, resolution: &Resolution) {
        let Some(AwsCliView { uses, differs }) = &resolution.aws_cli else {
            return;
        };
        let mut lines = Vec::new();
        for what in differs {
            lines.push(match (what.as_str(), &uses.region) {
                ("profile", _) => {
                    let from = in_brackets(&uses.profile.source);
                    format!("profile {}{from}", uses.profile.value)
                }
                ("region", Some(region)) => {
                    format!("Region {}{}", region.value, in_brackets(&region.source))
                }
                ("region", None) => "no Region".to_owned(),
                _ => aws_credentials(&uses.credentials),
            });
        }
        if lines.is_empty() {
            lines.push("the same profile, Region and credentials".to_owned());
        }
        self.row("With aws", &lines);
    }

    fn step(&self, step: &ResolvedStep) -> String {
        let status = match step.outcome {
            StepOutcome::Used => Status::Pass,
            StepOutcome::PassedOver => Status::NotApplicable,
            StepOutcome::Failed | StepOutcome::Stopped => Status::Fail,
            StepOutcome::NotTried => Status::CannotTell,
        };
        let sign = self.page.look.sign(status);
        let text = match step.provider {
            CredentialKind::None => step.reason.clone(),
            provider => format!("{}: {}", provider.words(), step.reason),
        };
        format!("{sign} {text}")
    }

    fn models(&mut self, resolution: &Resolution) {
        let models = &resolution.models;
        let mut lines = Vec::new();
        let optional = [("fable", &models.fable), ("subagent", &models.subagent)];
        let optional = optional
            .iter()
            .filter_map(|(part, model)| Some((*part, model.as_ref()?)));
        let always = [
            ("main", &models.main),
            ("background", &models.background),
            ("opus", &models.opus),
            ("sonnet", &models.sonnet),
            ("haiku", &models.haiku),
        ];
        for (part, model) in always.into_iter().chain(optional) {
            lines.push(format!("{part:<10} {}", model.value));
            let is_told = matches!(part, "main" | "background");
            if is_told || model.source.kind != SourceKind::Default {
                lines.push(self.dim(&format!("  {}", from(&model.source))));
            }
            let losers = self.losers(model).into_iter();
            lines.extend(losers.map(|text| format!("  {text}")));
        }
        if let Some(region) = &models.background_region {
            lines.push(format!("the background model in Region {}", region.value));
            lines.push(self.dim(&format!("  {}", from(&region.source))));
        }
        self.row("Models", &lines);
    }

    /// Where requests go, through what, with which header fields.
    fn way(&mut self, resolution: &Resolution) {
        let request = resolution.request.as_ref();
        if let Some(Request { method, url, .. }) = request {
            self.row("Requests", &[method.clone(), url.clone()]);
        }
        let endpoint = request.map_or(&resolution.endpoint.runtime, |request| &request.endpoint);
        let mut lines = vec![format!("invocations: {}", endpoint.value)];
        lines.push(self.dim(&format!("  {}", from(&endpoint.source))));
        lines.extend(self.losers(endpoint));
        if resolution.provider.value.uses_bedrock() {
            let listing = &resolution.endpoint.bedrock;
            lines.push(format!("profile listing: {}", listing.value));
            lines.push(self.dim(&format!("  {}", from(&listing.source))));
        }
        self.row("Endpoints", &lines);
        if !resolution.headers.is_empty() {
            let shown = resolution.headers.iter().map(|header| {
                let value = header.value.as_deref().unwrap_or("(not shown)");
                format!("{}: {value} ({})", header.name, header.source.words())
            });
            let shown: Vec<String> = shown.collect();
            self.row("Headers", &shown);
        }
        let lines = proxies(resolution);
        self.row("Proxy", &lines);
    }

    fn tls(&mut self, resolution: &Resolution) {
        let tls = &resolution.tls;
        let mut lines = vec!["built-in, and those of the system".to_owned()];
        for file in tls.ca_files.iter().filter(|file| file.honoured) {
            let problem = file
                .problem
                .as_ref()
                .map(|problem| format!(": {problem}, ignored without a word"))
                .unwrap_or_default();
            let from = file.path.source.words();
            lines.push(format!("{} ({from}){problem}", file.path.value));
        }
        if !tls.verify.value {
            let from = tls.verify.source.words();
            lines.push(format!("certificates are NOT checked ({from})"));
        }
        self.row("Certificates", &lines);
    }

    fn files(&mut self, resolution: &Resolution) {
        let present = |file: &&SettingsFile| file.state != SettingsState::Absent;
        let mut lines: Vec<String> = resolution
            .settings_files
            .iter()
            .filter(present)
            .map(|file| self.file(file))
            .collect();
        if lines.is_empty() {
            lines.push("none".to_owned());
        }
        self.row("Settings", &lines);
    }

    fn file(&self, file: &SettingsFile) -> String {
        let level = file.level.words();
        let (status, text) = match &file.state {
            SettingsState::Absent => (Status::NotApplicable, "not there".to_owned()),
            SettingsState::Used { env, keys, dropped } => {
                let mut said: Vec<String> = env.iter().map(|name| format!("env.{name}")).collect();
                said.extend(keys.iter().cloned());
                if said.is_empty() {
                    said.push("nothing that bears on Bedrock".to_owned());
                }
                let left_out = dropped
                    .iter()
                    .map(|key| format!("; line {} is left out: {}", key.line, key.problem));
                (
                    Status::Pass,
                    said.join(", ") + &left_out.collect::<String>(),
                )
            }
            SettingsState::Ignored { line, problem, .. } if file.ends_claude_code() => (
                Status::Fail,
                format!("ends Claude Code: line {line}: {problem}"),
            ),
            SettingsState::Ignored {
                line,
                problem,
                lost,
                ..
            } => {
                let lost = match lost.as_slice() {
                    [] => String::new(),
                    lost => format!("; lost with it: {}", lost.join(", ")),
                };
                let text =
                    format!("ignored as a whole, without a word: line {line}: {problem}{lost}");
                (Status::Fail, text)
            }
            SettingsState::Unreadable { problem } => {
                (Status::Fail, format!("cannot be read: {problem}"))
            }
        };
        format!(
            "{} {} ({level}): {text}",
            self.page.look.sign(status),
            file.path
        )
    }

    fn ignored(&mut self, resolution: &Resolution) {
        let lines: Vec<String> = resolution
            .ignored
            .iter()
            // What is wrong with a file, which has no name of its own in it, stands beside the file.
            .filter(|ignored| ignored.source.name.is_some())
            .map(|ignored| format!("{}: {}", ignored.source.words(), ignored.why))
            .collect();
        self.list("Ignored", &lines);
    }

    fn list(&mut self, heading: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.row(heading, lines);
        }
    }
}

/// The proxy of every kind of call, named where they differ.
fn proxies(resolution: &Resolution) -> Vec<String> {
    let proxy = &resolution.proxy;
    let mut kinds = vec![("invocations", &proxy.invocations)];
    if resolution.provider.value.uses_bedrock() {
        kinds.push(("profile listing", &proxy.control_plane));
    }
    kinds.push(("credential calls", &proxy.credentials));
    let mut ways: Vec<(String, Vec<String>)> = Vec::new();
    for (kind, proxy) in kinds {
        let told = proxied(proxy);
        match ways.last_mut() {
            Some((named, same)) if *same == told => *named = format!("{named} and {kind}"),
            _ => ways.push((kind.to_owned(), told)),
        }
    }
    if let [(_, told)] = ways.as_slice() {
        return told.clone();
    }
    let named = ways.into_iter().flat_map(|(kind, mut told)| {
        told[0] = format!("{kind}: {}", told[0]);
        told
    });
    named.collect()
}

/// The proxy, or why there is none, and what lost.
fn proxied(proxy: &Value<Option<String>>) -> Vec<String> {
    let source = proxy.source.words();
    let first = match (&proxy.value, proxy.source.kind) {
        (Some(url), _) => format!("{url} ({source})"),
        (None, SourceKind::Default) => "none".to_owned(),
        (None, _) => format!("none, because of {source}"),
    };
    let lost = proxy.overridden.iter().map(|lost| {
        let url = lost.value.as_deref().unwrap_or("none");
        format!("  not `{url}`: {}", lost.source.words())
    });
    std::iter::once(first).chain(lost).collect()
}

/// Where credentials come from and which they are, in parts. `is_tried`: the source was asked.
fn who(
    kind: CredentialKind,
    is_tried: bool,
    profile: Option<&String>,
    access_key_id: Option<&String>,
) -> Vec<String> {
    let kind = match kind {
        CredentialKind::InstanceMetadata if !is_tried => "none, unless this is an EC2 instance",
        kind => kind.words(),
    };
    let profile = profile.map(|profile| format!("profile {profile}"));
    std::iter::once(kind.to_owned())
        .chain(profile)
        .chain(access_key_id.cloned())
        .collect()
}

fn aws_credentials(credentials: &Value<AwsCliCredentials>) -> String {
    let found = &credentials.value;
    if let Some(error) = &found.error {
        return format!("it ends with {}: {}", error.name, error.reason);
    }
    let what = who(
        found.kind,
        false,
        found.profile.as_ref(),
        found.access_key_id.as_ref(),
    );
    let from = in_brackets(&credentials.source);
    format!("credentials: {}{from}", what.join(" · "))
}

/// ` (AWS_REGION in the environment)`, nothing for a default.
fn in_brackets(source: &Source) -> String {
    match source.kind {
        SourceKind::Default => String::new(),
        _ => format!(" ({})", source.words()),
    }
}

fn from(source: &Source) -> String {
    match source.kind {
        SourceKind::Default => source.words(),
        _ => format!("from {}", source.words()),
    }
}
