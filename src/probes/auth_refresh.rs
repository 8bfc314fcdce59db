//! `awsAuthRefresh`, on request: run before the credentials are asked for, as Claude Code does.

use std::time::{Duration, Instant};

use bedrock_doctor_checks::claude_code::credential_plan::{Link, Provider};
use bedrock_doctor_checks::claude_code::{Inputs, Resolved, resolve};
use bedrock_doctor_checks::facts::{AuthRefresh, AwsFiles};
use bedrock_doctor_checks::probe::ProbeId;

use super::{Options, aws_files, chain};
use crate::credentials::{AuthRefreshed, Walked, auth_refresh};
use crate::http::Http;
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::world::World;

/// What became of it.
pub(super) enum Refreshed {
    /// It was run.
    Ran(Box<Ran>),
    /// It is not needed: this is what the whole chain delivers.
    NotNeeded(Box<Walked>),
}

/// What a run left behind.
pub(super) struct Ran {
    /// How it went.
    pub(super) run: AuthRefresh,
    /// How long it took.
    pub(super) took: Duration,
    /// The AWS files afterwards: the command may have written them.
    pub(super) aws_files: AwsFiles,
    /// What Claude Code decides with them.
    pub(super) resolved: Resolved,
}

/// Runs the command if that was asked for and Claude Code would run it.
pub(super) async fn run(
    world: &World,
    resolved: &Resolved,
    secrets: &Secrets,
    deadline: Instant,
    options: &Options,
    progress: &Progress<'_>,
) -> Option<Refreshed> {
    if !options.auth_refresh {
        return None;
    }
    let _shown = progress.start(ProbeId::Credentials);
    let http = Http::new(world.clone(), resolved, None);
    let chain = chain(world, resolved, &http, secrets, deadline, options);
    let (run, took) = match auth_refresh(&chain, |line| progress.pass_on(line)).await? {
        AuthRefreshed::Ran(run, took) => (run, took),
        AuthRefreshed::NotNeeded(walked) => {
            let export = |link: &Link| matches!(link, Link::Try(Provider::Export));
            let is_all = !resolved.plan.links.iter().any(export);
            return is_all.then_some(Refreshed::NotNeeded(walked));
        }
    };
    let inputs = resolved.inputs.clone();
    let (profiles, aws_files) = aws_files::read(world, &inputs.environment);
    Some(Refreshed::Ran(Box::new(Ran {
        run,
        took,
        aws_files,
        resolved: resolve(Inputs { profiles, ..inputs }),
    })))
}
