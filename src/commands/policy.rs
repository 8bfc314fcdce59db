//! `policy`: the least-privilege IAM policy for what is in use, and `policy check`: what a policy leaves out.

use std::collections::BTreeSet;
use std::path::Path;

use bedrock_doctor_checks::access::{Access, Known};
use bedrock_doctor_checks::diagnosis::Exit;
use bedrock_doctor_checks::facts::{Absence, Facts, Observed};
use bedrock_doctor_checks::policy::{MANAGED_POLICY_LIMIT, Policy, Verdict, coverage, parse};
use bedrock_doctor_checks::probe::ProbeId;

use super::observe::observe;
use crate::cli::{Global, ListFormat, PolicyArgs, PolicyCommand, PolicyFormat, PolicyScope};
use crate::output::Output;
use crate::probes::{Options, WhatIf};
use crate::redact;
use crate::render::json;
use crate::render::page::Look;
use crate::render::policy::{Judged, table, terraform};
use crate::report::{SCHEMA, Tool};
use crate::world::{FileText, World};

/// What decides about the permissions.
const WANTED: [ProbeId; 9] = [
    ProbeId::Machine,
    ProbeId::ClaudeCode,
    ProbeId::Configuration,
    ProbeId::AwsFiles,
    ProbeId::SsoCache,
    ProbeId::Credentials,
    ProbeId::CallerIdentity,
    ProbeId::InferenceProfiles,
    ProbeId::ModelAvailability,
];

/// Prints the policy, or checks one.
pub(crate) fn run(world: &World, args: &PolicyArgs, global: &Global, output: &Output) -> Exit {
    match &args.command {
        None => print(world, args, global, output),
        Some(PolicyCommand::Check {
            file,
            scope,
            format,
        }) => check(world, file, scope, *format, global, output),
    }
}

fn print(world: &World, args: &PolicyArgs, global: &Global, output: &Output) -> Exit {
    let facts = match look(world, &args.scope, global, output) {
        Ok(facts) => facts,
        Err(exit) => return exit,
    };
    let Some(access) = access(&facts, output) else {
        return Exit::YouCanFix;
    };
    let notes = notes(&facts, &access, args.scope.for_checkup);
    let policy = Policy::of(&access, args.scope.for_checkup);
    let text = match args.format {
        PolicyFormat::Json => policy.to_json() + "\n",
        PolicyFormat::Terraform => terraform(&policy, &notes),
    };
    // In Terraform they stand as comments, once.
    if !global.quiet && args.format == PolicyFormat::Json {
        for note in &notes {
            output.message(&format!("note: {note}"));
        }
    }
    if policy.length() > MANAGED_POLICY_LIMIT {
        output.message(&format!(
            "warning: the policy has {} characters, and IAM takes {MANAGED_POLICY_LIMIT} in a managed policy: attach its statements as several policies",
            policy.length()
        ));
    }
    output.write(args.output.as_deref(), &text, Exit::Healthy)
}

fn check(
    world: &World,
    file: &Path,
    scope: &PolicyScope,
    format: ListFormat,
    global: &Global,
    output: &Output,
) -> Exit {
    let policy = match read(world, file) {
        Ok(policy) => policy,
        Err(complaint) => {
            output.message(&format!("error: {complaint}"));
            return Exit::Usage;
        }
    };
    let facts = match look(world, scope, global, output) {
        Ok(facts) => facts,
        Err(exit) => return exit,
    };
    let Some(access) = access(&facts, output) else {
        return Exit::YouCanFix;
    };
    let Some(configuration) = facts.configuration.known() else {
        return Exit::Internal;
    };
    let known = Known::of(configuration, &facts);
    let coverage = coverage(&policy, &known, scope.for_checkup);
    let worst = coverage.iter().map(|it| &it.verdict);
    let exit = match worst.max_by_key(|verdict| verdict.weight()) {
        Some(Verdict::Denied { .. } | Verdict::NotAllowed) => Exit::SomebodyElse,
        Some(Verdict::CannotTell { .. }) => Exit::CannotTell,
        Some(Verdict::Allowed { .. }) | None => Exit::Healthy,
    };
    let judged = Judged {
        schema: SCHEMA,
        tool: Tool::this(),
        file: file.display().to_string(),
        exit_code: exit.code(),
        coverage,
        notes: notes(&facts, &access, scope.for_checkup),
    };
    let text = match format {
        ListFormat::Json => json::render(&judged),
        ListFormat::Table => {
            let look = Look {
                colour: output.colour(global.color, world),
                verbose: global.verbose,
                width: output.width(world),
            };
            table(&judged, scope.for_checkup, look)
        }
    };
    output.data(&text, exit)
}

/// The policy in a file; the complaint names file, line and column.
fn read(world: &World, file: &Path) -> Result<Policy, String> {
    let name = file.display();
    let text = match world.read(&world.working_folder().join(file)) {
        FileText::Text(text) => text,
        FileText::Absent => return Err(format!("there is no file `{name}`")),
        FileText::Unreadable(why) => return Err(format!("`{name}` cannot be read: {why}")),
    };
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    parse(&text).map_err(|fault| {
        format!(
            "`{name}`, line {}, column {}: {}",
            fault.line,
            fault.column,
            fault.what.replace(char::is_control, "?")
        )
    })
}

/// What the machine and AWS say.
fn look(
    world: &World,
    scope: &PolicyScope,
    global: &Global,
    output: &Output,
) -> Result<Facts, Exit> {
    let (world, what_if) = WhatIf::of(world, &scope.what_if).map_err(|complaint| {
        output.message(&format!("error: {complaint}"));
        Exit::Usage
    })?;
    let refresh = scope.renewal.refresh;
    let options = Options::reading(scope.offline, refresh, scope.timeout, what_if);
    let wanted = BTreeSet::from(WANTED);
    let collected = observe(&world, options, &wanted, true, global, output);
    // What AWS or a file says reaches the terminal.
    Ok(redact::printable(&collected.ok_or(Exit::Internal)?.facts))
}

/// What is needed; none, with the reason printed, when nothing of AWS is.
fn access(facts: &Facts, output: &Output) -> Option<Access> {
    let configuration = facts.configuration.known()?;
    let access = Known::of(configuration, facts).access();
    if !access.permissions.is_empty() {
        return Some(access);
    }
    let why = if configuration.provider.value.uses_aws_credentials() {
        access.open.join("; ")
    } else {
        format!(
            "Claude Code will use {}, which needs no IAM policy; with `--env CLAUDE_CODE_USE_BEDROCK=1` the policy is that for Amazon Bedrock",
            configuration.provider.value.words()
        )
    };
    output.message(&format!("error: {why}"));
    None
}

/// What was assumed, what is not known, and why.
fn notes(facts: &Facts, access: &Access, for_checkup: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !facts.request.what_if.is_empty() {
        notes.push(format!("what if: {}", facts.request.what_if.join(" ")));
    }
    notes.extend(access.open.iter().cloned());
    if facts.configuration.known().is_some_and(|it| it.skip_auth) {
        notes.push(
            "Claude Code does not sign its requests, so this is needed by whoever signs them behind the gateway"
                .to_owned(),
        );
    }
    if facts.request.offline {
        notes.push("AWS was not asked (--offline)".to_owned());
    }
    let credentials = facts.credentials.known();
    if let Some(error) = credentials.and_then(|credentials| credentials.error.as_ref()) {
        notes.push(format!(
            "no credentials were obtained ({error}); `bedrock-doctor` tells why"
        ));
    }
    failed(
        &mut notes,
        "AWS did not say who calls",
        &facts.caller_identity,
    );
    let uses_bedrock = facts
        .configuration
        .known()
        .is_some_and(|it| it.provider.value.uses_bedrock());
    if uses_bedrock {
        failed(
            &mut notes,
            "the inference profiles were not listed",
            &facts.inference_profiles,
        );
    }
    if for_checkup && uses_bedrock && facts.caller_identity.known().is_none() {
        notes.push(
            "the principal is not known, so `iam:SimulatePrincipalPolicy` and `iam:GetRole` are left out"
                .to_owned(),
        );
    }
    let models = facts.model_availability.known();
    let is_open = models.is_none_or(|models| {
        let mut availability = models.iter().map(|model| &model.availability);
        availability.any(|seen| seen.known().is_none())
    });
    if uses_bedrock && is_open {
        notes.push(
            "whether the account has agreements for the models is not known, so AWS Marketplace is left out: without one the first invocation needs `aws-marketplace:Subscribe` and `aws-marketplace:ViewSubscriptions`"
                .to_owned(),
        );
    }
    notes
}

/// Why something was not told; what was left out on purpose has no reason to tell.
fn failed<T>(notes: &mut Vec<String>, what: &str, seen: &Observed<T>) {
    match seen {
        Observed::Failed(failure) => notes.push(format!("{what}: {}", failure.words())),
        Observed::NotCollected(Absence::DoesNotApply { because }) => {
            notes.push(format!("{what}: {because}"));
        }
        Observed::NotCollected(_) | Observed::Known(_) => {}
    }
}
