//! One run of the probes, and the question whether a token that is due may be renewed.

use std::collections::BTreeSet;

use bedrock_doctor_checks::facts::{Facts, is_not_renewed};
use bedrock_doctor_checks::probe::ProbeId;

use crate::cli::Global;
use crate::credentials::Renewal;
use crate::output::Output;
use crate::probes::{Collected, Options, collect};
use crate::progress::Progress;
use crate::world::World;

/// Observes what the wanted probes ask for; none when the runtime cannot be started. `for_people`: somebody who reads the
/// answer at a terminal may be asked.
pub(super) fn observe(
    world: &World,
    mut options: Options,
    wanted: &BTreeSet<ProbeId>,
    for_people: bool,
    global: &Global,
    output: &Output,
) -> Option<Collected> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.message(&format!("error: the runtime could not be started: {error}"));
            return None;
        }
    };
    let collect = |world: &World, options: &Options| {
        let progress = Progress::new(output, global.quiet);
        let collected = runtime.block_on(collect(world, options, wanted, &progress));
        progress.finish();
        collected
    };
    let mut collected = collect(world, &options);
    let is_open = options.renewal == Renewal::Predict && !options.offline();
    let may_ask = for_people && !global.quiet && is_open;
    if may_ask
        && let Some(reason) = due(&collected.facts)
        && output.asks(&format!(
            "{}\nRenew it now? This rewrites its cache file.",
            // The name of a profile may come from a project's settings.
            reason.replace(char::is_control, "?")
        ))
    {
        options.renewal = Renewal::Renew;
        collected = collect(&world.later(), &options);
    }
    // A name look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    Some(collected)
}

/// The token that keeps the rest from being tested until it is renewed, in words.
fn due(facts: &Facts) -> Option<&str> {
    let steps = &facts.credentials.known()?.steps;
    let due = steps.iter().find(|step| is_not_renewed(step))?;
    Some(&due.reason)
}
