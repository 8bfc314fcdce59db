//! `check`: the checkup.

use std::collections::BTreeSet;
use std::time::Duration;

use bedrock_doctor_checks::check::Entry;
use bedrock_doctor_checks::diagnosis::{Diagnosis, Exit};
use bedrock_doctor_checks::facts::Request;
use bedrock_doctor_checks::probe::ProbeId;
use bedrock_doctor_checks::registry::{self, ALL};
use bedrock_doctor_checks::text::shell_word;

use super::observe::observe;
use crate::cli::{CheckArgs, Format, Global, OutputArgs, USUAL_TIMEOUT};
use crate::credentials::Renewal;
use crate::output::Output;
use crate::probes::{Extent, Options, WhatIf};
use crate::redact;
use crate::render::page::Look;
use crate::render::{json, markdown, table};
use crate::report::Report;
use crate::world::World;

/// Runs the checkup.
pub(crate) fn run(world: &World, args: &CheckArgs, global: &Global, output: &Output) -> Exit {
    let checks = match selected(args) {
        Ok(checks) => checks,
        Err(complaint) => {
            output.message(&format!("error: {complaint}"));
            return Exit::Usage;
        }
    };
    let wanted: BTreeSet<ProbeId> = checks
        .iter()
        .flat_map(|check| check.needed_probes())
        .collect();
    let (world, what_if) = match WhatIf::of(world, &args.what_if) {
        Ok(assumed) => assumed,
        Err(complaint) => {
            output.message(&format!("error: {complaint}"));
            return Exit::Usage;
        }
    };
    let options = Options {
        extent: extent(args),
        invoke: args.invoke,
        renewal: Renewal::of(args.renewal.refresh),
        auth_refresh: args.renewal.refresh,
        accounts: args.account.clone(),
        timeout: Duration::from_secs_f64(args.timeout),
        what_if,
    };
    let for_people = args.output.format == Format::Table;
    let Some(collected) = observe(&world, options, &wanted, for_people, global, output) else {
        return Exit::Internal;
    };
    let diagnosis = Diagnosis::of(&collected.facts, &checks);
    let exit = diagnosis.exit(args.output.strict);
    let report = Report::new(collected.facts, diagnosis, &collected.timings, exit);
    let again = again(args, &report.facts.request);
    write(
        &world,
        &report,
        again.as_deref(),
        &args.output,
        global,
        output,
        exit,
    )
}

/// The command that makes the same checkup again; none when a flag's value is not told.
fn again(args: &CheckArgs, request: &Request) -> Option<String> {
    let mut command = vec!["bedrock-doctor check".to_owned()];
    for (flag, is_given) in [
        ("--offline", args.offline),
        ("--invoke", args.invoke),
        ("--thorough", args.thorough),
        ("--refresh", args.renewal.refresh),
        ("--strict", args.output.strict),
    ] {
        command.extend(is_given.then(|| flag.to_owned()));
    }
    for (flag, values) in [
        ("--only", &args.only),
        ("--skip", &args.skip),
        ("--account", &args.account),
    ] {
        let told = values.iter().map(|it| format!("{flag} {}", shell_word(it)));
        command.extend(told);
    }
    if args.timeout != USUAL_TIMEOUT {
        command.push(format!("--timeout {}", args.timeout));
    }
    command.extend_from_slice(request.assumed()?);
    Some(command.join(" ").replace(char::is_control, "?"))
}

/// Writes a report in the form that was asked for. `again`: the command that says the same once more.
pub(crate) fn write(
    world: &World,
    report: &Report,
    again: Option<&str>,
    form: &OutputArgs,
    global: &Global,
    output: &Output,
    exit: Exit,
) -> Exit {
    let shown = match (form.show_identifiers, form.format) {
        (true, _) => report.clone(),
        (false, Format::Table) => redact::keys_shortened(report),
        (false, Format::Json | Format::Markdown) => redact::pseudonymised(report),
    };
    let shown = match form.format {
        // JSON escapes what must be escaped.
        Format::Json => shown,
        Format::Table | Format::Markdown => redact::printable(&shown),
    };
    let text = match form.format {
        Format::Json => json::render(&shown),
        Format::Markdown => markdown::render(&shown),
        Format::Table => {
            let look = Look {
                colour: form.output.is_none() && output.colour(global.color, world),
                verbose: global.verbose,
                width: output.width(world),
            };
            table::render(&shown, again, look)
        }
    };
    output.write(form.output.as_deref(), &text, exit)
}

fn extent(args: &CheckArgs) -> Extent {
    if args.offline {
        Extent::Offline
    } else if args.thorough || !args.only.is_empty() {
        // Whoever names the checks to run wants them to be told.
        Extent::Thorough
    } else {
        Extent::Usual
    }
}

/// The checks that `--only` and `--skip` leave.
fn selected(args: &CheckArgs) -> Result<Vec<&'static Entry>, String> {
    for pattern in args.only.iter().chain(&args.skip) {
        if !ALL.iter().any(|check| registry::matches(check, pattern)) {
            let hint = registry::nearest(pattern)
                .map(|near| format!("; the nearest is `{near}`"))
                .unwrap_or_default();
            return Err(format!(
                "no check and no family is called `{pattern}`{hint}\n`bedrock-doctor list checks` shows them all"
            ));
        }
    }
    let any = |patterns: &[String], check: &Entry| {
        patterns
            .iter()
            .any(|pattern| registry::matches(check, pattern))
    };
    let checks: Vec<&'static Entry> = ALL
        .iter()
        .filter(|check| args.only.is_empty() || any(&args.only, check))
        .filter(|check| !any(&args.skip, check))
        .collect();
    if checks.is_empty() {
        return Err("`--only` and `--skip` leave no check".to_owned());
    }
    Ok(checks)
}
