//! One run: the machine's own probes, then the online ones, until all have answered or the deadline is there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Instant;

use bedrock_doctor_checks::claude_code::environment::Environment;
use bedrock_doctor_checks::claude_code::versions::Version;
use bedrock_doctor_checks::claude_code::{Inputs, resolve};
use bedrock_doctor_checks::facts::{Facts, Observed, Provider, Request};
use bedrock_doctor_checks::probe::ProbeId;

use super::auth_refresh::Refreshed;
use super::online::{Online, silence};
use super::{
    Collected, Extent, Options, Timing, auth_refresh, aws_cli, aws_files, claude_code, machine,
    settings_files, sso_cache,
};
use crate::http::Http;
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::world::World;

/// The wanted probes and those without which they would ask the wrong thing, or nothing.
fn with_what_they_need(wanted: &BTreeSet<ProbeId>) -> BTreeSet<ProbeId> {
    let mut all = wanted.clone();
    let asks_aws = |probe: &ProbeId| *probe >= ProbeId::Credentials;
    if wanted.iter().any(asks_aws) {
        all.insert(ProbeId::Credentials);
    }
    if wanted.contains(&ProbeId::Invocations) {
        // The listing decides which models are invoked, their availability whether that is safe.
        all.extend([ProbeId::InferenceProfiles, ProbeId::ModelAvailability]);
    }
    if wanted.contains(&ProbeId::PolicySimulation) {
        all.extend([
            ProbeId::CallerIdentity,
            ProbeId::InferenceProfiles,
            ProbeId::ModelAvailability,
        ]);
    }
    if wanted.contains(&ProbeId::Quotas) {
        all.insert(ProbeId::ModelAvailability);
    }
    if needs_an_answer(wanted) {
        // Somebody must be asked; these need no particular kind of credentials.
        all.extend([ProbeId::InferenceProfiles, ProbeId::MantleModels]);
    }
    all
}

/// Whether any answer of AWS does.
fn needs_an_answer(wanted: &BTreeSet<ProbeId>) -> bool {
    wanted.contains(&ProbeId::Clock) || wanted.contains(&ProbeId::Connections)
}

/// Observes what the wanted probes ask for. Ends by the deadline with what is known by then.
pub(crate) async fn collect(
    world: &World,
    options: &Options,
    wanted: &BTreeSet<ProbeId>,
    progress: &Progress<'_>,
) -> Collected {
    let started = Instant::now();
    let mut wanted = with_what_they_need(wanted);
    let mut facts = Facts::at(world.now());
    facts.request = Request {
        offline: options.offline(),
        refresh: options.auth_refresh,
        invoke: options.invoke,
        thorough: options.extent == Extent::Thorough,
        accounts: options.accounts.clone(),
        what_if: options.what_if.told.clone(),
    };
    let mut timings = Vec::new();
    let mut timed = |probe, since: Instant, outcome| {
        timings.push(Timing {
            probe,
            took: since.elapsed(),
            outcome,
        });
    };

    let since = Instant::now();
    facts.machine = Observed::Known(machine::observe(world));
    timed(ProbeId::Machine, since, "known");

    let since = Instant::now();
    let what_if = &options.what_if;
    let mut claude_code = claude_code::observe(world);
    if let Some(version) = what_if.version {
        claude_code.version = Some(version.to_string());
    }
    let version = claude_code.version.as_deref().and_then(Version::parse);
    facts.claude_code = Observed::Known(claude_code);
    timed(ProbeId::ClaudeCode, since, "known");

    let since = Instant::now();
    let settings = settings_files::read(world, what_if.settings.as_ref());
    let mut environment = Environment::merge(world.environment(), &settings);
    for (name, value, flag) in what_if.variables() {
        environment.set(name, value, flag);
    }
    timed(ProbeId::Configuration, since, "known");
    let since = Instant::now();
    let (profiles, aws_files) = aws_files::read(world, &environment);
    facts.aws_files = Observed::Known(aws_files);
    timed(ProbeId::AwsFiles, since, "known");
    let since = Instant::now();
    let aws_cli = || Observed::Known(aws_cli::observe(&what_if.shell(world)));
    facts.aws_cli = aws_cli();
    timed(ProbeId::AwsCli, since, "known");
    let mut resolved = resolve(Inputs {
        environment,
        settings,
        profiles,
        version,
        model: what_if.model.clone(),
    });
    let mut secrets = Secrets::of(&resolved);
    let mut deadline = started + options.timeout;
    let (mut refreshed, mut walked) = (None, None);
    if silence(options, &resolved, ProbeId::Credentials).is_none()
        && wanted.contains(&ProbeId::Credentials)
    {
        match auth_refresh::run(world, &resolved, &secrets, deadline, options, progress).await {
            Some(Refreshed::Ran(ran)) => {
                facts.aws_files = Observed::Known(ran.aws_files);
                facts.aws_cli = aws_cli();
                resolved = ran.resolved;
                secrets = Secrets::of(&resolved);
                refreshed = Some(ran.run);
                deadline += ran.took;
            }
            Some(Refreshed::NotNeeded(delivered)) => walked = Some(*delivered),
            None => {}
        }
    }
    for file in &mut resolved.configuration.ca_files {
        file.problem = crate::http::problem_of(world, &file.path.value);
    }
    facts.configuration = Observed::Known(resolved.configuration.clone());
    let early = resolved.of_control_plane().map(|inputs| {
        let (profiles, _) = aws_files::read(world, &inputs.environment);
        resolve(Inputs { profiles, ..inputs })
    });
    let since = Instant::now();
    facts.sso_cache = Observed::Known(sso_cache::observe(world, resolved.plan.sso(), None));
    timed(ProbeId::SsoCache, since, "known");

    let provider = resolved.configuration.provider.value;
    if needs_an_answer(&wanted) && provider == Provider::AnthropicAws {
        // It has no list of models that is asked for.
        wanted.insert(ProbeId::CallerIdentity);
    }
    let online = Online {
        world,
        options,
        wanted: &wanted,
        progress,
        secrets: &secrets,
        http: Http::new(world.clone(), &resolved, facts.aws_cli.known()),
        resolved: &resolved,
        early: early.as_ref(),
        refreshed,
        facts: RefCell::new(facts),
        timings: RefCell::new(timings),
        deadline,
    };
    online.set_pending();
    // At the deadline what has no answer yet says so already.
    let _ = tokio::time::timeout_at(deadline.into(), Box::pin(online.run(walked))).await;
    online.finish()
}
