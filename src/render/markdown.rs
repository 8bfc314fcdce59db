//! For tickets: one Markdown file that reads well on GitHub and in a plain editor, with the facts embedded.

use std::fmt::Write as _;

use bedrock_doctor_checks::facts::{Connection, Facts, Observed, Proxy, StepOutcome};
use bedrock_doctor_checks::finding::{Owner, Status};
use bedrock_doctor_checks::text::utc;

use super::summary::{FamilyFindings, all_good, header, sign, tally};
use crate::report::Report;

/// The whole report.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "# bedrock-doctor report\n")?;
    writeln!(out, "{}  ", header(report))?;
    let what_if = &report.facts.request.what_if;
    if !what_if.is_empty() {
        writeln!(out, "what if: {}  ", escaped(&what_if.join(" ")))?;
    }
    writeln!(
        out,
        "{} · {} · exit code {}\n",
        utc(report.facts.now),
        tally(report),
        report.exit_code
    )?;
    if report.root_causes.is_empty() {
        let words = if report.is_healthy() {
            "Nothing failed."
        } else {
            "Nothing is known to be wrong, but not everything could be told."
        };
        writeln!(out, "{words}\n")?;
    }
    for cause in &report.root_causes {
        let finding = &cause.finding;
        writeln!(out, "## ✗ {}\n", escaped(&finding.what))?;
        if let Some(why) = &finding.why {
            writeln!(out, "* why: {}", escaped(why))?;
        }
        writeln!(
            out,
            "* who must act: {}",
            if finding.owner == Owner::You {
                "you"
            } else {
                finding.owner.words()
            }
        )?;
        let code = finding.code.as_deref().unwrap_or("none");
        writeln!(
            out,
            "* check: `{}`, cause `{code}`, evidence: {}",
            finding.id,
            basis(finding)
        )?;
        if let Some(id) = &finding.request_id {
            writeln!(out, "* AWS request id: `{id}`")?;
        }
        for step in &finding.fix {
            let (text, statement) = without_json(&step.text);
            writeln!(out, "* {}: {}", step.label(), escaped(text))?;
            if let Some(statement) = statement {
                writeln!(out, "\n  ```json\n  {statement}\n  ```\n")?;
            }
            if let Some(command) = &step.command {
                writeln!(out, "\n  ```sh\n  {command}\n  ```\n")?;
            }
        }
        if let Some(text) = &cause.hand_off {
            writeln!(out, "\nText to forward:\n")?;
            for line in text.lines() {
                if let Some(command) = line.strip_prefix("Command: ") {
                    writeln!(out, "> Command:\n> ```sh\n> {command}\n> ```")?;
                    continue;
                }
                let (text, statement) = without_json(line);
                writeln!(out, "> {}  ", escaped(text))?;
                if let Some(statement) = statement {
                    writeln!(out, "> ```json\n> {statement}\n> ```")?;
                }
            }
        }
        writeln!(out)?;
    }
    checks(out, report)?;
    configuration(out, &report.facts)?;
    probes(out, report)?;
    if let Some(redaction) = &report.redaction {
        writeln!(out, "## Redaction\n")?;
        writeln!(out, "Secrets are never collected.")?;
        writeln!(
            out,
            "Replaced by pseudonyms: {}.",
            redaction.replaced.join(", ")
        )?;
        writeln!(out, "AWS request ids are kept: support needs them.")?;
        writeln!(
            out,
            "`--show-identifiers` keeps account ids and names, which a statement to paste needs.\n"
        )?;
    }
    writeln!(out, "<details><summary>Facts</summary>\n")?;
    writeln!(out, "```json")?;
    let facts = serde_json::to_string(&report.facts).unwrap_or_default();
    // A fence inside a text would end the block.
    writeln!(out, "{}", facts.replace("```", "'''"))?;
    writeln!(out, "```\n\n</details>")
}

fn basis(finding: &bedrock_doctor_checks::finding::Finding) -> String {
    let basis = serde_json::to_value(finding.evidence.basis).unwrap_or_default();
    let name = basis.as_str().unwrap_or_default().to_owned();
    if finding.evidence.detail.is_empty() {
        name
    } else {
        format!("{name}: {}", escaped(&finding.evidence.detail))
    }
}

fn checks(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "## Checks\n")?;
    writeln!(out, "| | check | result |")?;
    writeln!(out, "|---|---|---|")?;
    for family in FamilyFindings::of(report) {
        for finding in family.findings {
            let mut result = cell(&finding.what);
            if let Some(subject) = &finding.subject
                && !finding.what.contains(subject.as_str())
            {
                result = format!("{}: {result}", cell(subject));
            }
            if finding.status == Status::Blocked {
                let blocker = finding.blocked_by.as_deref().unwrap_or_default();
                result = format!("not tested, because `{blocker}` failed: {result}");
            }
            writeln!(
                out,
                "| {} | `{}` {} | {result} |",
                sign(finding.status),
                finding.id,
                cell(&finding.title)
            )?;
        }
    }
    writeln!(
        out,
        "\n✓ holds · ! look at it · ✗ does not hold · ? could not be told · – not tested · `·` not needed here\n"
    )
}

fn configuration(out: &mut String, facts: &Facts) -> std::fmt::Result {
    writeln!(out, "## What Claude Code will use\n")?;
    for (name, value) in all_good(facts) {
        writeln!(out, "* {name}: {}", escaped(&value))?;
    }
    if let Some(configuration) = facts.configuration.known() {
        writeln!(
            out,
            "* provider: {}, from {}",
            configuration.provider.value.words(),
            escaped(&configuration.provider.source.words())
        )?;
        let request = configuration.main_request();
        let route = request.map_or(&configuration.runtime, |request| request.route);
        writeln!(out, "* invocations: {}", route.endpoint.value)?;
        let proxy = &route.proxy;
        match &proxy.value {
            Some(Proxy { url, .. }) => writeln!(
                out,
                "* proxy: {url}, from {}",
                escaped(&proxy.source.words())
            )?,
            None => writeln!(out, "* proxy: none")?,
        }
        for variable in &configuration.variables {
            writeln!(
                out,
                "* {}: {}, from {}",
                variable.name,
                escaped(&variable.value.value.words()),
                escaped(&variable.value.source.words())
            )?;
        }
    }
    if let Some(credentials) = facts.credentials.known() {
        writeln!(out, "\nCredential providers, in order:\n")?;
        for step in &credentials.steps {
            let outcome = match step.outcome {
                StepOutcome::Used => "used",
                StepOutcome::PassedOver => "passed over",
                StepOutcome::Failed => "failed",
                StepOutcome::Stopped => "failed, the chain ends here",
                StepOutcome::NotTried => "not tried",
            };
            writeln!(
                out,
                "1. {}: {outcome}: {}",
                step.provider.words(),
                escaped(&step.reason)
            )?;
        }
    }
    writeln!(out)
}

fn probes(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "## Probes\n")?;
    writeln!(out, "| probe | ms | outcome |")?;
    writeln!(out, "|---|---|---|")?;
    for time in &report.timings {
        writeln!(
            out,
            "| {} | {} | {} |",
            time.probe.name(),
            time.milliseconds,
            time.outcome
        )?;
    }
    writeln!(out)?;
    for (probe, failure) in report.facts.network_failures() {
        let id = failure
            .request_id
            .as_deref()
            .map(|id| format!(", request id `{id}`"))
            .unwrap_or_default();
        let status = failure
            .status
            .map(|status| format!(" HTTP {status}"))
            .unwrap_or_default();
        writeln!(
            out,
            "* {}:{status} {}{id}",
            probe.name(),
            escaped(&failure.words())
        )?;
    }
    if let Observed::Known(clock) = &report.facts.clock {
        writeln!(
            out,
            "* clock: {} s ahead of `{}`",
            clock.ahead_seconds, clock.host
        )?;
    }
    for connection in report.facts.connections.known().into_iter().flatten() {
        writeln!(out, "* {}", escaped(&way(connection)))?;
    }
    writeln!(out)
}

/// How far a connection came, which way, and who signed the certificate that was shown.
fn way(connection: &Connection) -> String {
    let part = |words: &str, value: Option<&String>| {
        value.map_or_else(String::new, |value| format!("{words}`{value}`"))
    };
    let address = connection.address.map(|address| address.ip.to_string());
    let certificate = connection.certificate.as_ref();
    format!(
        "`{}`{}{}: {}{}",
        connection.host,
        part(" through the proxy ", connection.proxy.as_ref()),
        part(" at ", address.as_ref()),
        connection.times(),
        part(
            "; certificate by ",
            certificate.and_then(|certificate| certificate.issuers.first())
        ),
    )
}

/// A text, and the JSON object at its end, which is to be pasted.
fn without_json(text: &str) -> (&str, Option<&str>) {
    let Some((before, _)) = text.split_once(": {\"") else {
        return (text, None);
    };
    let (before, json) = text.split_at(before.len() + 1);
    let json = json.trim();
    match serde_json::from_str::<serde::de::IgnoredAny>(json) {
        Ok(_) => (before, Some(json)),
        Err(_) => (text, None),
    }
}

/// A text that Markdown shows as it is; between backticks it does so by itself.
fn escaped(text: &str) -> String {
    let text = text.replace('\n', " ");
    let mut parts: Vec<String> = text.split('`').map(str::to_owned).collect();
    let closed = parts.len() % 2 == 1;
    for part in parts.iter_mut().enumerate().filter_map(|(at, part)| {
        let is_code = closed && at % 2 == 1;
        (!is_code).then_some(part)
    }) {
        *part = part.replace('<', "&lt;").replace('*', "\\*");
    }
    parts.join("`")
}

/// A text inside a table.
fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|")
}
