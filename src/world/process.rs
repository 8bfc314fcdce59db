//! Helper programs that the configuration names: run once, without input, with a deadline and a limit on output.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::World;

/// The most that a helper's output may have: credentials have less than a hundredth of it.
const OUTPUT_LIMIT: u64 = 1024 * 1024;

/// What a helper program did. Its output may hold secrets.
pub(crate) struct HelperOutput {
    /// How it ended.
    pub(crate) end: HelperEnd,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

/// How a helper program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HelperEnd {
    /// With an exit code; none when a signal ended it.
    Exited(Option<i32>),
    /// It was stopped at the deadline.
    TimedOut,
    /// It printed more than the limit and was stopped.
    Flooded,
    /// It could not be started.
    NotStarted,
}

impl World {
    /// Runs a command as Claude Code does: through the shell, in its environment. Stdin is closed.
    pub(crate) async fn run_helper<'e>(
        &self,
        command: &str,
        environment: impl Iterator<Item = (&'e str, &'e str)>,
        deadline: Duration,
    ) -> HelperOutput {
        let mut shell = shell(command);
        shell
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Its own process group, so that what it starts ends with it.
        #[cfg(unix)]
        shell.process_group(0);
        let Ok(mut child) = shell.spawn() else {
            return output(HelperEnd::NotStarted);
        };
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return output(HelperEnd::NotStarted);
        };
        let group = child.id();
        let work = async {
            let (stdout, stderr) = tokio::join!(read_limited(stdout), read_limited(stderr));
            let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
                return output(HelperEnd::Flooded);
            };
            let code = child.wait().await.ok().and_then(|status| status.code());
            HelperOutput {
                end: HelperEnd::Exited(code),
                stdout,
                stderr,
            }
        };
        let result = tokio::time::timeout(deadline, work)
            .await
            .unwrap_or_else(|_| output(HelperEnd::TimedOut));
        if !matches!(result.end, HelperEnd::Exited(_)) {
            end_group(group).await;
        }
        result
    }
}

fn output(end: HelperEnd) -> HelperOutput {
    HelperOutput {
        end,
        stdout: String::new(),
        stderr: String::new(),
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd.exe");
    shell.arg("/d").arg("/s").arg("/c").arg(command);
    shell
}

/// Reads to the end; none when there is more than the limit.
async fn read_limited(pipe: impl AsyncRead + Unpin) -> Option<String> {
    let mut bytes = Vec::new();
    let mut limited = pipe.take(OUTPUT_LIMIT + 1);
    let _ = limited.read_to_end(&mut bytes).await;
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return None;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Ends a helper and everything it started. There is no safe call for it in the standard library.
async fn end_group(group: Option<u32>) {
    let Some(group) = group else { return };
    if cfg!(unix) {
        let _ = Command::new("/bin/kill")
            .args(["-KILL", "--", &format!("-{group}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
    }
}
