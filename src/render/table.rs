//! For people at a terminal: root cause and fix on top, healthy families in one line each.

use bedrock_doctor_checks::finding::{Finding, Owner, Status, Step};
use bedrock_doctor_checks::registry::ALL;
use bedrock_doctor_checks::text::count;
use owo_colors::Style;

use super::page::{LABELLED, Look, Page, visible};
use super::summary::{FamilyFindings, all_good, header, tally};
use crate::report::{Report, RootCause};

/// The whole report.
///
/// `again`: the command that says the same once more; none where it cannot be told.
pub(crate) fn render(report: &Report, again: Option<&str>, look: Look) -> String {
    let mut page = Page {
        lines: Vec::new(),
        look,
    };
    page.text(&look.paint(&header(report), Style::new().dimmed()), 0);
    page.what_if(&report.facts.request.what_if);
    if report.root_causes.is_empty() {
        verdict(&mut page, report);
    }
    for cause in &report.root_causes {
        root_cause(&mut page, cause);
    }
    page.blank();
    families(&mut page, report);
    page.blank();
    if look.verbose {
        timings(&mut page, report);
    }
    page.text(&tally(report), 0);
    if !report.is_healthy() {
        ticket(&mut page, again);
    }
    page.lines.join("\n") + "\n"
}

/// How to write the same report for a ticket.
fn ticket(page: &mut Page, again: Option<&str>) {
    const FORM: &str = "--format markdown --output bedrock-doctor.md";
    let look = page.look;
    let mut dimmed = |line: &str| page.whole(&look.paint(line, Style::new().dimmed()));
    let Some(again) = again else {
        dimmed(&format!("for a ticket: with the same flags and `{FORM}`"));
        return;
    };
    let line = format!("for a ticket: {again} {FORM}");
    if visible(&line) <= look.width {
        dimmed(&line);
    } else {
        dimmed("for a ticket:");
        dimmed(&format!("{:LABELLED$}{again} {FORM}", ""));
    }
}

fn verdict(page: &mut Page, report: &Report) {
    let has = |status| {
        report
            .findings
            .iter()
            .any(|finding| finding.status == status)
    };
    let open = has(Status::CannotTell) || has(Status::Blocked);
    let partial = ALL.iter().any(|check| {
        !report
            .findings
            .iter()
            .any(|finding| finding.id == check.meta.id)
    });
    let (status, words) = if open {
        (
            Status::CannotTell,
            "nothing is known to be wrong, but not everything could be told",
        )
    } else if partial && !has(Status::Pass) && !has(Status::Warn) {
        (Status::NotApplicable, "none of these checks is needed here")
    } else {
        match (partial, has(Status::Warn), report.facts.request.offline) {
            (true, true, _) => (
                Status::Warn,
                "nothing failed in the checks that were run, with something to look at",
            ),
            (true, false, _) => (Status::Pass, "nothing is wrong in the checks that were run"),
            (false, true, false) => (
                Status::Warn,
                "it works, with something to look at: Claude Code will use",
            ),
            (false, false, false) => (Status::Pass, "all good: Claude Code will use"),
            (false, true, true) => (
                Status::Warn,
                "nothing is wrong on this machine, with something to look at (AWS was not asked): Claude Code will use",
            ),
            (false, false, true) => (
                Status::Pass,
                "nothing is wrong on this machine (AWS was not asked): Claude Code will use",
            ),
        }
    };
    let bold = page.look.paint(words, Style::new().bold());
    page.blank();
    page.text(&format!("{} {bold}", page.look.sign(status)), 2);
    if partial {
        return;
    }
    for (name, value) in all_good(&report.facts) {
        page.labelled(name, &value);
    }
    if open {
        next(page, report);
    }
}

/// What keeps the rest from being told, and what to do about it.
fn next(page: &mut Page, report: &Report) {
    let throttled = report
        .findings
        .iter()
        .find(|finding| finding.status == Status::Warn && finding.id == "requests-not-throttled");
    let untold = report
        .findings
        .iter()
        .find(|finding| finding.status == Status::CannotTell && !finding.fix.is_empty());
    let Some(finding) = throttled.or(untold) else {
        return;
    };
    page.labelled("why", &finding.what);
    if let Some(step) = finding.fix.first() {
        fix(page, "next", step);
    }
}

fn fix(page: &mut Page, label: &str, step: &Step) {
    match &step.command {
        Some(command) => {
            page.labelled(label, &format!("{}:", step.text.trim_end_matches(':')));
            let command = page.look.paint(command, Style::new().cyan().bold());
            page.whole(&format!("{:LABELLED$}{command}", ""));
        }
        None => page.labelled(label, &step.text),
    }
}

/// What, why, who and the fix: at most a few lines, in words a newcomer understands.
fn root_cause(page: &mut Page, cause: &RootCause) {
    let finding = &cause.finding;
    let look = page.look;
    let what = look.paint(&finding.what, Style::new().bold());
    page.blank();
    page.text(&format!("{} {what}", look.sign(Status::Fail)), 2);
    if let Some(why) = &finding.why {
        page.labelled("why", why);
    }
    if finding.owner != Owner::You {
        page.labelled("who", &format!("{} must act", finding.owner.words()));
    }
    for step in &finding.fix {
        fix(page, step.label(), step);
    }
    if let Some(id) = &finding.request_id {
        page.labelled("AWS", &format!("request id {id}"));
    }
    page.labelled("more", &format!("bedrock-doctor explain {}", finding.id));
    if let Some(text) = &cause.hand_off {
        page.blank();
        page.whole("  text to forward:");
        for line in text.lines() {
            match line.strip_prefix("Command: ") {
                Some(command) => {
                    page.whole("    Command:");
                    page.whole(&format!("      {command}"));
                }
                None => page.text(&format!("    {line}"), 6),
            }
        }
    }
}

fn families(page: &mut Page, report: &Report) {
    let families = FamilyFindings::of(report);
    let widest = families
        .iter()
        .map(|family| visible(family.family.title()))
        .max()
        .unwrap_or(0);
    // Sign, blank, heading, blank.
    let indent = widest + 3;
    for family in families {
        let mut heading = family.family.title();
        for (status, lines) in family_rows(&family, report, page.look.verbose) {
            let first = page.lines.len();
            for line in lines {
                match line {
                    Line::Text(text) => {
                        page.text(&format!("{:indent$}{text}", ""), indent);
                    }
                    Line::Step(text) => {
                        page.text(&format!("{:indent$}→ {text}", ""), indent + 2);
                    }
                    Line::Command(command) => {
                        page.whole(&format!("{:indent$}  {command}", ""));
                    }
                }
            }
            let sign = page.look.sign(status);
            if let Some(line) = page.lines.get_mut(first) {
                *line = format!("{sign} {heading:<widest$} {}", line.trim_start());
            }
            heading = "";
        }
    }
}

/// One line of a row, before it is wrapped.
enum Line {
    Text(String),
    /// What to do.
    Step(String),
    /// A command to paste: it is never wrapped.
    Command(String),
}

/// A healthy family is one line; of others every finding that is not, and the rest in one line. `-v` shows all.
fn family_rows(
    family: &FamilyFindings<'_>,
    report: &Report,
    verbose: bool,
) -> Vec<(Status, Vec<Line>)> {
    let one = |text: String| vec![Line::Text(text)];
    if family.is_healthy() && !verbose {
        return vec![(family.worst(), one(family.quiet_line()))];
    }
    let mut rows = Vec::new();
    for (number, finding) in family.findings.iter().enumerate() {
        let is_open = matches!(
            finding.status,
            Status::Fail | Status::Warn | Status::CannotTell
        );
        if !is_open && !verbose {
            continue;
        }
        if !verbose && is_repeated(finding) {
            let alike = |other: &&&Finding| is_repeated(other) && other.what == finding.what;
            let mut same: Vec<&str> = family
                .findings
                .iter()
                .filter(alike)
                .map(|other| other.id.as_str())
                .collect();
            same.dedup();
            if same.len() > 1 {
                if family.findings[..number].iter().any(|other| alike(&other)) {
                    continue;
                }
                let lines = [
                    format!("{} could not be told", count(same.len(), "check")),
                    format!("[{}]", same.join(", ")),
                    finding.what.clone(),
                ];
                rows.push((finding.status, lines.map(Line::Text).into()));
                continue;
            }
        }
        let is_root = report
            .root_causes
            .iter()
            .any(|cause| cause.finding == **finding);
        rows.push((finding.status, row(finding, is_root, verbose)));
    }
    if verbose {
        return rows;
    }
    for (blocker, number) in family.blocked() {
        let checks = count(number, "check");
        rows.push((
            Status::Blocked,
            one(format!("{checks} not tested, because {blocker} failed")),
        ));
    }
    if family.has_quiet() {
        rows.push((family.quiet_status(), one(family.quiet_line())));
    }
    rows
}

/// Whether a finding says nothing that others of its family may not say as well.
fn is_repeated(finding: &Finding) -> bool {
    finding.status == Status::CannotTell && finding.fix.is_empty()
}

/// One finding in the table: the title and, unless it passed or stands above as a root cause, what was seen.
fn row(finding: &Finding, is_root: bool, verbose: bool) -> Vec<Line> {
    let mut lines = vec![Line::Text(format!("{} [{}]", finding.title, finding.id))];
    let mut text = |words: String| lines.push(Line::Text(words));
    let silent = is_root || (finding.status == Status::Pass && !verbose);
    if let Some(subject) = &finding.subject
        && (silent || !finding.what.contains(subject.as_str()))
    {
        text(subject.clone());
    }
    if !silent && !finding.what.is_empty() {
        text(finding.what.clone());
    }
    if let Some(blocker) = &finding.blocked_by {
        text(format!("not tested, because {blocker} failed"));
    }
    if matches!(finding.status, Status::Warn | Status::CannotTell) {
        for step in &finding.fix {
            match &step.command {
                Some(command) => {
                    let words = step.text.trim_end_matches(':');
                    lines.push(Line::Step(format!("{words}:")));
                    lines.push(Line::Command(command.clone()));
                }
                None => lines.push(Line::Step(step.text.clone())),
            }
        }
    }
    if verbose && !finding.evidence.detail.is_empty() {
        lines.push(Line::Text(format!("evidence: {}", finding.evidence.detail)));
    }
    lines
}

fn timings(page: &mut Page, report: &Report) {
    if report.timings.is_empty() {
        return;
    }
    page.whole(&page.look.paint("Probes", Style::new().bold()));
    for time in &report.timings {
        let name = time.probe.name();
        page.whole(&format!(
            "  {:>6} ms  {name:<20} {}",
            time.milliseconds, time.outcome
        ));
    }
    page.blank();
}
