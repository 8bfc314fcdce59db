//! The sentences that table and Markdown share.

use bedrock_doctor_checks::check::Family;
use bedrock_doctor_checks::facts::{CredentialKind, Facts, Observed, SourceKind};
use bedrock_doctor_checks::finding::{Finding, Status};
use bedrock_doctor_checks::forecast::{Forecast, LayerKind, RenewedBy};
use bedrock_doctor_checks::text::{count, relative};

use crate::report::{ClaudeCodeVersion, Report, Tool};

/// The sign of a status.
pub(crate) fn sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Warn => "!",
        Status::Fail => "✗",
        Status::CannotTell => "?",
        Status::Blocked => "–",
        Status::NotApplicable => "·",
    }
}

/// The findings of one family.
pub(crate) struct FamilyFindings<'a> {
    pub(crate) family: Family,
    pub(crate) findings: Vec<&'a Finding>,
}

impl<'a> FamilyFindings<'a> {
    /// All families that have findings, in their order.
    pub(crate) fn of(report: &'a Report) -> Vec<Self> {
        Family::ALL
            .into_iter()
            .map(|family| Self {
                family,
                findings: report
                    .findings
                    .iter()
                    .filter(|finding| finding.family == family.name())
                    .collect(),
            })
            .filter(|family| !family.findings.is_empty())
            .collect()
    }

    /// How many checks have this status at worst.
    fn checks(&self, status: Status) -> usize {
        checks(&self.findings, status).count()
    }

    /// Whether there are checks of which nothing needs a look.
    pub(crate) fn has_quiet(&self) -> bool {
        self.checks(Status::Pass) + self.checks(Status::NotApplicable) > 0
    }

    /// The sign of the checks of which nothing needs a look.
    pub(crate) fn quiet_status(&self) -> Status {
        if self.checks(Status::Pass) > 0 {
            Status::Pass
        } else {
            Status::NotApplicable
        }
    }

    /// The worst status, for the sign of the family.
    pub(crate) fn worst(&self) -> Status {
        self.findings
            .iter()
            .map(|finding| finding.status)
            .max()
            .unwrap_or(Status::NotApplicable)
    }

    /// Whether nothing in it needs a look.
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self.worst(), Status::Pass | Status::NotApplicable)
    }

    /// `3 checks passed`, with what does not apply.
    pub(crate) fn quiet_line(&self) -> String {
        let passed = self.checks(Status::Pass);
        let rest = self.checks(Status::NotApplicable);
        match (passed, rest) {
            (0, rest) => format!("{} not needed here", count(rest, "check")),
            (passed, 0) => format!("{} passed", count(passed, "check")),
            (passed, rest) => format!("{} passed, {rest} not needed here", count(passed, "check")),
        }
    }

    /// The checks that were not tested, by the check that keeps them from it.
    pub(crate) fn blocked(&self) -> Vec<(String, usize)> {
        let mut by: Vec<(String, usize)> = Vec::new();
        for finding in checks(&self.findings, Status::Blocked) {
            let blocker = finding.blocked_by.clone().unwrap_or_default();
            match by.iter_mut().find(|(known, _)| *known == blocker) {
                Some((_, count)) => *count += 1,
                None => by.push((blocker, 1)),
            }
        }
        by
    }
}

/// The checks that have this status at worst, each by the first finding that has it: a check that looks at several models
/// has several findings, and counts once.
fn checks<'f>(findings: &[&'f Finding], status: Status) -> impl Iterator<Item = &'f Finding> {
    let mut worst: Vec<&Finding> = Vec::new();
    for &finding in findings {
        match worst.iter_mut().find(|known| known.id == finding.id) {
            Some(known) if finding.status > known.status => *known = finding,
            Some(_) => {}
            None => worst.push(finding),
        }
    }
    worst
        .into_iter()
        .filter(move |finding| finding.status == status)
}

/// `bedrock-doctor 0.1.0 · Claude Code 2.1.330 · Region us-east-1 · profile dev`.
pub(crate) fn header(report: &Report) -> String {
    let mut parts = vec![versions(&report.tool, &report.claude_code)];
    if let Some(configuration) = report.facts.configuration.known() {
        parts.push(configuration.region.value.clone());
        if configuration.profile.source.kind != SourceKind::Default {
            parts.push(format!("profile {}", configuration.profile.value));
        }
    }
    parts.join(" · ")
}

/// `bedrock-doctor 0.1.0 · Claude Code 2.1.330`.
pub(crate) fn versions(tool: &Tool, claude_code: &ClaudeCodeVersion) -> String {
    let claude_code = match (&claude_code.version, &claude_code.rules) {
        (Some(version), Some(rules)) if version != rules => {
            format!("Claude Code {version} (rules of {rules})")
        }
        (Some(version), _) => format!("Claude Code {version}"),
        (None, Some(rules)) => format!("Claude Code not found (rules of {rules})"),
        (None, None) => "Claude Code not found".to_owned(),
    };
    format!("{} {} · {claude_code}", tool.name, tool.version)
}

/// What Claude Code will use, when nothing is wrong.
pub(crate) fn all_good(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let credentials = facts.credentials.known();
    if let Some(credentials) = credentials.filter(|found| found.kind != CredentialKind::None) {
        let mut who = facts.caller_identity.known().map_or_else(
            || match credentials.kind {
                CredentialKind::ApiKey => "whoever the Bedrock API key belongs to".to_owned(),
                CredentialKind::Unsigned => "nobody: requests go out unsigned".to_owned(),
                _ => match facts.caller_identity {
                    Observed::Failed(_) => "not known: STS did not say".to_owned(),
                    _ => "not asked".to_owned(),
                },
            },
            |identity| identity.arn.clone(),
        );
        if let Some(id) = &credentials.access_key_id {
            who = format!("{who} (access key {id})");
        }
        lines.push(("identity", who));
        let mut source = credentials.kind.words().to_owned();
        if let Some(profile) = &credentials.profile {
            source = format!("{source}, profile {profile}");
        }
        lines.push(("from", source));
    }
    if let Some(configuration) = facts.configuration.known() {
        lines.push((
            "Region",
            match configuration.region.source.kind {
                SourceKind::Default => format!("{}, the default", configuration.region.value),
                _ => format!(
                    "{}, from {}",
                    configuration.region.value,
                    configuration.region.source.words()
                ),
            },
        ));
        let models: Vec<String> = configuration
            .models
            .in_use()
            .into_iter()
            .map(|(model, part)| format!("{model} ({part})"))
            .collect();
        lines.push(("models", models.join(", ")));
    }
    lines.push(("lasts", lasts(facts)));
    lines
}

/// How long it will go on working.
fn lasts(facts: &Facts) -> String {
    let Some(credentials) = facts.credentials.known() else {
        return "not known".to_owned();
    };
    if let Some(sign_in) = Forecast::of(facts).get(LayerKind::SsoToken) {
        let at = sign_in.expires_at;
        let renewal = match sign_in.renewed_by {
            RenewedBy::ClaudeCode => "; Claude Code renews it by itself until the session ends",
            RenewedBy::AuthRefresh => "; `awsAuthRefresh` gets a new one then",
            RenewedBy::You | RenewedBy::Nobody => "; it cannot be renewed: sign in again then",
        };
        let verb = if at <= facts.now {
            "expired"
        } else {
            "expires"
        };
        return format!("the sign-in {verb} {}{renewal}", relative(at, facts.now));
    }
    let when = credentials.expires_at.map(|at| relative(at, facts.now));
    match (credentials.kind, when) {
        (CredentialKind::Unsigned, _) => "the gateway decides".to_owned(),
        (CredentialKind::ApiKey, Some(when)) => {
            format!("the key expires {when}; nothing renews it")
        }
        (CredentialKind::ApiKey, None) => "the expiry of the key is not known here".to_owned(),
        (_, Some(when)) if credentials.renewable => {
            format!("keys expire {when}; Claude Code gets new ones by itself")
        }
        (_, Some(when)) if credentials.expires_at.is_some_and(|at| at <= facts.now) => {
            format!("the keys expired {when}, as far as is known here; nothing renews them")
        }
        (_, Some(when)) => format!("the keys expire {when}; nothing renews them"),
        (_, None) if credentials.access_key_id.is_none() => {
            "not known: no credentials were obtained".to_owned()
        }
        (_, None) if credentials.has_session_token => {
            "the expiry of the session is not known here".to_owned()
        }
        (_, None) => "these credentials do not expire by themselves".to_owned(),
    }
}

/// `1 failed · 39 passed · …`: every check counts once.
pub(crate) fn tally(report: &Report) -> String {
    let findings: Vec<&Finding> = report.findings.iter().collect();
    let number = |status| checks(&findings, status).count();
    [
        (Status::Fail, "failed"),
        (Status::Warn, "to look at"),
        (Status::CannotTell, "could not be told"),
        (Status::Blocked, "not tested"),
        (Status::Pass, "passed"),
        (Status::NotApplicable, "not needed here"),
    ]
    .into_iter()
    .filter_map(|(status, words)| match number(status) {
        0 => None,
        count => Some(format!("{count} {words}")),
    })
    .collect::<Vec<_>>()
    .join(" · ")
}
