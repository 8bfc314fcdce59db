//! A policy as Terraform, and what a policy leaves out.

use std::fmt::Write as _;

use bedrock_doctor_checks::finding::{Owner, Status};
use bedrock_doctor_checks::policy::{Coverage, Policy, Statement, Verdict};
use bedrock_doctor_checks::text::count;
use owo_colors::Style;
use serde::Serialize;

use super::page::{Look, Page};
use crate::report::{Schema, Tool};

/// What `policy check` has to say.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Judged {
    pub(crate) schema: Schema,
    pub(crate) tool: Tool,
    /// The file that was read.
    pub(crate) file: String,
    pub(crate) exit_code: u8,
    /// Every action on every resource.
    pub(crate) coverage: Vec<Coverage>,
    /// What is not known of the requests.
    pub(crate) notes: Vec<String>,
}

/// A policy as Terraform: what is not known as comments, then the document and a policy of it.
pub(crate) fn terraform(policy: &Policy, notes: &[String]) -> String {
    let mut out = String::new();
    for note in notes {
        for line in note.lines() {
            let _ = writeln!(out, "# {line}");
        }
    }
    out.push_str("data \"aws_iam_policy_document\" \"claude_code\" {\n");
    for (at, statement) in policy.statements.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        block(&mut out, statement);
    }
    out.push_str(
        "}\n\nresource \"aws_iam_policy\" \"claude_code\" {\n  name   = \"claude-code-bedrock\"\n  policy = data.aws_iam_policy_document.claude_code.json\n}\n",
    );
    out
}

fn block(out: &mut String, statement: &Statement) {
    out.push_str("  statement {\n");
    if let Some(sid) = &statement.sid {
        let _ = writeln!(out, "    sid = {}\n", quoted(sid));
    }
    let list = |name: &str, texts: &[String]| {
        let lines = texts.iter().map(|it| format!("      {},\n", quoted(it)));
        format!("    {name} = [\n{}    ]\n", lines.collect::<String>())
    };
    out.push_str(&list("actions", &statement.actions.patterns));
    out.push('\n');
    out.push_str(&list("resources", &statement.resources.patterns));
    for condition in &statement.conditions {
        let values: Vec<String> = condition.values.iter().map(|it| quoted(it)).collect();
        let _ = write!(
            out,
            "\n    condition {{\n      test     = {}\n      variable = {}\n      values   = [{}]\n    }}\n",
            quoted(&condition.operator),
            quoted(&condition.key),
            values.join(", ")
        );
    }
    out.push_str("  }\n");
}

/// A text of Terraform's language: `${` and `%{` would begin an expression.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace("${", "$${")
        .replace("%{", "%%{");
    format!("\"{escaped}\"")
}

/// What a policy leaves out, for people: one paragraph for each action.
pub(crate) fn table(judged: &Judged, for_checkup: bool, look: Look) -> String {
    let mut page = Page {
        lines: Vec::new(),
        look,
    };
    let mut rest = judged.coverage.as_slice();
    let (mut missing, mut open, mut all) = (0, 0, 0);
    while let Some(first) = rest.first() {
        let of_action = rest
            .iter()
            .take_while(|it| it.action == first.action)
            .count();
        let (these, others) = rest.split_at(of_action);
        rest = others;
        all += 1;
        match action(&mut page, these) {
            Status::Fail => missing += 1,
            Status::CannotTell => open += 1,
            _ => {}
        }
    }
    page.blank();
    let told = match (missing, open) {
        (0, 0) => format!("{} allowed", count(all, "action")),
        (0, open) => format!("{open} of {} could not be told", count(all, "action")),
        (missing, _) => format!(
            "{missing} of {} not allowed: {} must act; `bedrock-doctor policy{}` prints what is needed",
            count(all, "action"),
            Owner::AccountAdmin.words(),
            if for_checkup { " --for-checkup" } else { "" }
        ),
    };
    page.text(&look.paint(&told, Style::new().bold()), 0);
    page.text(
        "Only this document was looked at: other policies, permissions boundaries and policies of the organization may still deny.",
        0,
    );
    for note in &judged.notes {
        page.text(&format!("note: {note}"), 6);
    }
    page.lines.join("\n") + "\n"
}

/// One action on all its resources: those with the same verdict together.
fn action(page: &mut Page, coverage: &[Coverage]) -> Status {
    let worst = coverage.iter().map(|it| it.verdict.weight()).max();
    let status = match worst {
        Some(0) | None => Status::Pass,
        Some(1) => Status::CannotTell,
        Some(_) => Status::Fail,
    };
    let look = page.look;
    let Some(first) = coverage.first() else {
        return status;
    };
    page.text(
        &format!(
            "{} {}, needed {}",
            look.sign(status),
            look.paint(first.action, Style::new().bold()),
            first.needed.words()
        ),
        2,
    );
    let mut told: Vec<&Verdict> = Vec::new();
    for one in coverage {
        if told.contains(&&one.verdict) {
            continue;
        }
        told.push(&one.verdict);
        let same = coverage.iter().filter(|it| it.verdict == one.verdict);
        let resources: Vec<&str> = same.map(|it| it.resource.as_str()).collect();
        let words = words(&one.verdict);
        // What is allowed needs no list.
        let is_quiet = matches!(one.verdict, Verdict::Allowed { .. }) && !look.verbose;
        match resources[..] {
            ["*"] => page.text(&format!("  {words}"), 4),
            _ if is_quiet => {
                let on = count(resources.len(), "resource");
                page.text(&format!("  {words}, on {on}"), 4);
            }
            _ => {
                page.text(&format!("  {words}, on"), 4);
                for resource in resources {
                    page.whole(&format!("    {resource}"));
                }
            }
        }
    }
    status
}

/// Names and values in it come from the file.
fn words(verdict: &Verdict) -> String {
    let words = match verdict {
        Verdict::Allowed { by } => format!("{by} allows it"),
        Verdict::Denied { by } => format!("{by} denies it"),
        Verdict::NotAllowed => "no statement allows it".to_owned(),
        Verdict::CannotTell { because } => format!("could not be told: {because}"),
    };
    words.replace(char::is_control, "?")
}
