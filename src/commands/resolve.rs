//! `resolve`: the configuration Claude Code will use.

use std::collections::BTreeSet;

use bedrock_doctor_checks::diagnosis::Exit;
use bedrock_doctor_checks::probe::ProbeId;

use super::observe::observe;
use crate::cli::{Global, ListFormat, ResolveArgs};
use crate::output::Output;
use crate::probes::{Options, WhatIf};
use crate::redact;
use crate::render::page::Look;
use crate::render::{json, resolution};
use crate::resolution::Resolution;
use crate::world::World;

/// What Claude Code itself looks at before its first request.
const WANTED: [ProbeId; 8] = [
    ProbeId::Machine,
    ProbeId::ClaudeCode,
    ProbeId::Configuration,
    ProbeId::AwsFiles,
    ProbeId::AwsCli,
    ProbeId::SsoCache,
    ProbeId::Credentials,
    ProbeId::InferenceProfiles,
];

/// Shows what Claude Code will use.
pub(crate) fn run(world: &World, args: &ResolveArgs, global: &Global, output: &Output) -> Exit {
    let (world, what_if) = match WhatIf::of(world, &args.what_if) {
        Ok(assumed) => assumed,
        Err(complaint) => {
            output.message(&format!("error: {complaint}"));
            return Exit::Usage;
        }
    };
    let options = Options::reading(args.offline, args.renewal.refresh, args.timeout, what_if);
    let wanted = BTreeSet::from(WANTED);
    let for_people = args.format == ListFormat::Table;
    let Some(collected) = observe(&world, options, &wanted, for_people, global, output) else {
        return Exit::Internal;
    };
    let Some(mut shown) = Resolution::of(&collected.facts) else {
        return Exit::Internal;
    };
    if !args.show_identifiers {
        shown = redact::keys_shortened(&shown);
    }
    let text = match args.format {
        // JSON escapes what must be escaped.
        ListFormat::Json => json::render(&shown),
        ListFormat::Table => {
            let look = Look {
                colour: args.output.is_none() && output.colour(global.color, &world),
                verbose: global.verbose,
                width: output.width(&world),
            };
            resolution::render(&redact::printable(&shown), collected.facts.now, look)
        }
    };
    output.write(args.output.as_deref(), &text, Exit::Healthy)
}
