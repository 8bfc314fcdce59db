//! For people at a terminal: root cause and fix on top, healthy families in one line each.

use bedrock_doctor_checks::finding::{Finding, Owner, Status};
use bedrock_doctor_checks::text::count;
use comfy_table::{ContentArrangement, Table, presets};
use owo_colors::{OwoColorize as _, Style};

use super::summary::{FamilyFindings, all_good, header, sign, tally};
use crate::report::{Report, RootCause};

/// How the table is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: bool,
    pub(crate) verbose: bool,
    pub(crate) width: usize,
}

/// The whole report.
pub(crate) fn render(report: &Report, look: Look) -> String {
    let mut page = Page {
        lines: Vec::new(),
        look,
    };
    page.text(&look.paint(&header(report), Style::new().dimmed()), 0);
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
        let hint =
            "for a ticket: bedrock-doctor check --format markdown --output bedrock-doctor.md";
        page.whole(&look.paint(hint, Style::new().dimmed()));
    }
    page.lines.join("\n") + "\n"
}

/// Where the text behind a label begins.
const LABELLED: usize = 11;

/// The lines that are drawn.
struct Page {
    lines: Vec<String>,
    look: Look,
}

impl Page {
    fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// A line that must not be wrapped, such as a command to paste.
    fn whole(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// A paragraph, wrapped; the lines after the first are indented.
    fn text(&mut self, text: &str, indent: usize) {
        self.lines.extend(wrapped(text, indent, self.look.width));
    }

    fn labelled(&mut self, name: &str, text: &str) {
        self.text(&format!("  {name:<8} {text}"), LABELLED);
    }
}

impl Look {
    fn paint(self, text: &str, style: Style) -> String {
        if self.colour {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    fn sign(self, status: Status) -> String {
        let style = Style::new();
        let style = match status {
            Status::Pass => style.green(),
            Status::Warn | Status::CannotTell => style.yellow(),
            Status::Fail => style.red().bold(),
            Status::Blocked | Status::NotApplicable => style.dimmed(),
        };
        self.paint(sign(status), style)
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
    let (status, words) = match (open, has(Status::Warn), report.facts.request.offline) {
        (true, _, _) => (
            Status::CannotTell,
            "nothing is known to be wrong, but not everything could be told",
        ),
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
    };
    let bold = page.look.paint(words, Style::new().bold());
    page.blank();
    page.text(&format!("{} {bold}", page.look.sign(status)), 2);
    for (name, value) in all_good(&report.facts) {
        page.labelled(name, &value);
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
        match &step.command {
            Some(command) => {
                page.labelled("fix", &format!("{}:", step.text.trim_end_matches(':')));
                let command = look.paint(command, Style::new().cyan().bold());
                page.whole(&format!("{:LABELLED$}{command}", ""));
            }
            None => page.labelled("fix", &step.text),
        }
    }
    if let Some(id) = &finding.request_id {
        page.labelled("AWS", &format!("request id {id}"));
    }
    page.labelled("more", &format!("bedrock-doctor explain {}", finding.id));
    if let Some(text) = &cause.hand_off {
        page.blank();
        page.whole("  text to forward:");
        for line in text.lines() {
            page.text(&format!("    {line}"), 6);
        }
    }
}

fn families(page: &mut Page, report: &Report) {
    let look = page.look;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(look.width).unwrap_or(80));
    for family in FamilyFindings::of(report) {
        family_rows(&mut table, &family, report, look);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for line in table.lines() {
        let painted = painted(line.trim_end(), look);
        page.whole(&painted);
    }
}

/// A healthy family is one line; of others every finding that is not, and the rest in one line. `-v` shows all.
fn family_rows(table: &mut Table, family: &FamilyFindings<'_>, report: &Report, look: Look) {
    let mut heading = family.family.title();
    let mut add = |status: Status, what: &str| {
        table.add_row([sign(status), heading, what]);
        heading = "";
    };
    if family.is_healthy() && !look.verbose {
        add(family.worst(), &family.quiet_line());
        return;
    }
    let mut shown = 0;
    for finding in &family.findings {
        let is_open = matches!(
            finding.status,
            Status::Fail | Status::Warn | Status::CannotTell
        );
        if is_open || look.verbose {
            let is_root = report
                .root_causes
                .iter()
                .any(|cause| cause.finding == **finding);
            add(finding.status, &line(finding, is_root, look.verbose));
            shown += 1;
        }
    }
    if look.verbose {
        return;
    }
    for (blocker, number) in family.blocked() {
        let checks = count(number, "check");
        add(
            Status::Blocked,
            &format!("{checks} not tested, because {blocker} failed"),
        );
        shown += number;
    }
    if shown < family.findings.len() {
        let passed = family.with(Status::Pass).next().is_some();
        let status = if passed {
            Status::Pass
        } else {
            Status::NotApplicable
        };
        add(status, &family.quiet_line());
    }
}

/// The line with its sign in colour: the table itself is laid out without.
fn painted(line: &str, look: Look) -> String {
    const STATUSES: [Status; 6] = [
        Status::Pass,
        Status::Warn,
        Status::Fail,
        Status::CannotTell,
        Status::Blocked,
        Status::NotApplicable,
    ];
    STATUSES
        .into_iter()
        .find_map(|status| Some((status, line.strip_prefix(sign(status))?)))
        .map_or_else(
            || line.to_owned(),
            |(status, rest)| format!("{}{rest}", look.sign(status)),
        )
}

/// One finding in the table: the title and, unless it passed or stands above as a root cause, what was seen.
fn line(finding: &Finding, is_root: bool, verbose: bool) -> String {
    let mut lines = vec![format!("{} [{}]", finding.title, finding.id)];
    lines.extend(finding.subject.clone());
    let silent = is_root || (finding.status == Status::Pass && !verbose);
    if !silent && !finding.what.is_empty() {
        lines.push(finding.what.clone());
    }
    if let Some(blocker) = &finding.blocked_by {
        lines.push(format!("not tested, because {blocker} failed"));
    }
    if matches!(finding.status, Status::Warn | Status::CannotTell) {
        lines.extend(finding.fix.iter().map(|step| match &step.command {
            Some(command) => format!("→ {}: {command}", step.text.trim_end_matches(':')),
            None => format!("→ {}", step.text),
        }));
    }
    if verbose && !finding.evidence.detail.is_empty() {
        lines.push(format!("evidence: {}", finding.evidence.detail));
    }
    lines.join("\n")
}

fn timings(page: &mut Page, report: &Report) {
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

/// Wraps at blanks; what has none and is too long stays whole, so that it can be pasted.
fn wrapped(text: &str, indent: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let lead = paragraph.len() - paragraph.trim_start().len();
        let mut line = " ".repeat(lead);
        let mut used = lead;
        let mut is_empty = true;
        for word in paragraph.trim_start().split(' ') {
            let length = visible(word);
            if !is_empty && length > 0 && used + 1 + length > width {
                lines.push(line.trim_end().to_owned());
                line = " ".repeat(indent);
                used = indent;
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
            is_empty = false;
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The width of a word without the sequences that colour it.
fn visible(word: &str) -> usize {
    console::measure_text_width(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_blanks_and_long_words_stay_whole() {
        assert_eq!(
            wrapped("  fix  one two three", 4, 12),
            ["  fix  one", "    two", "    three"]
        );
        assert_eq!(wrapped("a 0123456789", 2, 8), ["a", "  0123456789"]);
        assert_eq!(wrapped("", 2, 8), [""]);
    }

    #[test]
    fn colour_takes_no_room() {
        let red = "word".style(Style::new().red()).to_string();
        assert_eq!(visible(&red), 4);
    }
}
