//! Helper programs that the configuration names: run once, without input, with a deadline and a limit on output.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
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
    /// Runs a command as Claude Code does: through the shell, in its environment. Stdin is closed. Each line is heard as
    /// it comes; it may hold secrets.
    pub(crate) async fn run_helper<'e>(
        &self,
        command: &str,
        environment: impl Iterator<Item = (&'e str, &'e str)>,
        deadline: Duration,
        heard: impl Fn(&str),
    ) -> HelperOutput {
        let mut shell = shell(command);
        shell
            .env_clear()
            .envs(environment)
            .current_dir(self.working_folder())
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
        let mut group = Group(child.id());
        let work = async {
            let read = tokio::try_join!(read_limited(stdout, &heard), read_limited(stderr, &heard));
            let Ok((stdout, stderr)) = read else {
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
        if matches!(result.end, HelperEnd::Exited(_)) {
            group.0 = None;
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

/// More was printed than the limit.
struct Flood;

/// Reads to the end.
async fn read_limited(
    pipe: impl AsyncRead + Unpin,
    heard: &impl Fn(&str),
) -> Result<String, Flood> {
    let mut bytes = Vec::new();
    let mut limited = BufReader::new(pipe.take(OUTPUT_LIMIT + 1));
    let mut start = 0;
    while limited.read_until(b'\n', &mut bytes).await.is_ok() && bytes.len() > start {
        heard(String::from_utf8_lossy(&bytes[start..]).trim_end());
        start = bytes.len();
    }
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Err(Flood);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A helper and everything it started: ended when this is dropped, also when the whole run ends first.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.0 else { return };
        if cfg!(unix) {
            // There is no safe call for it in the standard library.
            let _ = std::process::Command::new("/bin/kill")
                .args(["-KILL", "--", &format!("-{group}")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Runs a command for at most a second; a limit of its own may end the run first.
    fn run(command: &str, limit: Duration) -> Option<HelperOutput> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let world = World::real();
                let path = [("PATH", "/usr/bin:/bin")].into_iter();
                let helper = world.run_helper(command, path, Duration::from_secs(1), |_| {});
                tokio::time::timeout(limit, helper).await.ok()
            })
    }

    /// Waits until nothing runs that has these words on its command line.
    #[expect(
        clippy::disallowed_methods,
        reason = "looks at the processes of the machine"
    )]
    fn ends(words: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            let running = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| {
                    line.split(|byte| *byte == 0)
                        .any(|word| word == words.as_bytes())
                })
            });
            if !running {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    #[test]
    fn each_line_is_heard_as_it_comes() {
        let heard = std::cell::RefCell::new(Vec::new());
        let started = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let hear = |line: &str| {
            let line = (line.to_owned(), started.elapsed());
            heard.borrow_mut().push(line);
        };
        let command = "echo one; echo two >&2; sleep 0.5; printf three";
        let path = [("PATH", "/usr/bin:/bin")].into_iter();
        let limit = Duration::from_secs(5);
        let output = runtime.block_on(World::real().run_helper(command, path, limit, hear));
        assert_eq!((&*output.stdout, &*output.stderr), ("one\nthree", "two\n"));
        let mut heard = heard.into_inner();
        heard.sort();
        let lines: Vec<&str> = heard.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(lines, ["one", "three", "two"]);
        assert!(heard[1].1 > heard[0].1 + Duration::from_millis(400));
    }

    #[test]
    fn a_flood_ends_the_helper_at_once() {
        let command = "trap '' PIPE; head -c 2000000 /dev/zero; sleep 9";
        let started = Instant::now();
        let output = run(command, Duration::from_secs(5)).unwrap();
        assert_eq!(output.end, HelperEnd::Flooded);
        assert!(started.elapsed() < Duration::from_millis(900));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_helper_started_ends_with_it() {
        let output = run("sleep 71.25 & echo x", Duration::from_secs(5)).unwrap();
        assert_eq!(output.end, HelperEnd::TimedOut);
        assert!(ends("71.25"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_helper_started_ends_with_the_run() {
        assert!(run("sleep 71.75 & wait", Duration::from_millis(300)).is_none());
        assert!(ends("71.75"));
    }
}
