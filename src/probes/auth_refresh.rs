//! `awsAuthRefresh`, on request: run before the credentials are asked for, as Claude Code does.

use std::time::Instant;

use bedrock_doctor_checks::claude_code::{Inputs, Resolved, resolve};
use bedrock_doctor_checks::facts::{AuthRefresh, AwsFiles};
use bedrock_doctor_checks::probe::ProbeId;

use super::{Options, aws_files, chain, http};
use crate::credentials::{Renewal, auth_refresh};
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::world::World;

/// What a run left behind.
pub(super) struct Refreshed {
    /// How it went.
    pub(super) run: AuthRefresh,
    /// The AWS files afterwards: the command may have written them.
    pub(super) aws_files: AwsFiles,
    /// What Claude Code decides with them.
    pub(super) resolved: Resolved,
}

/// Runs the command if that was asked for and Claude Code would run it. Ends when the whole run does.
pub(super) async fn run(
    world: &World,
    resolved: &Resolved,
    secrets: &Secrets,
    deadline: Instant,
    options: &Options,
    progress: &Progress,
) -> Option<Refreshed> {
    if options.renewal != Renewal::Renew {
        return None;
    }
    let _shown = progress.start(ProbeId::Credentials);
    let http = http(world, resolved);
    let chain = chain(world, resolved, &http, secrets, deadline, options);
    let work = tokio::time::timeout_at(deadline.into(), auth_refresh(&chain));
    let run = work.await.ok()??;
    let inputs = resolved.inputs.clone();
    let (profiles, aws_files) = aws_files::read(world, &inputs.environment);
    Some(Refreshed {
        run,
        aws_files,
        resolved: resolve(Inputs { profiles, ..inputs }),
    })
}
