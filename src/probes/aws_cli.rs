//! What the AWS CLI would use in the same shell.

use bedrock_doctor_checks::aws_cli::{File, Files, Tool, resolve};
use bedrock_doctor_checks::facts::AwsCli;

use crate::world::World;

/// Decides as version 2 of the AWS CLI would.
pub(super) fn observe(world: &World) -> AwsCli {
    // The files are read once more: a settings file may name others for Claude Code, and the AWS CLI wants the bytes.
    let file = |variable: &str, usual: &str| {
        let path = world.expand(world.variable(variable).unwrap_or(usual));
        File {
            path: world.shown(&path),
            bytes: world.read_bytes(&path).ok(),
        }
    };
    let files = Files {
        config: file("AWS_CONFIG_FILE", "~/.aws/config"),
        credentials: file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    };
    resolve(Tool::AwsCli, world.environment(), &files)
}
