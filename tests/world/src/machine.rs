//! A made-up computer to run a program on.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha1::{Digest, Sha1};
use tempfile::TempDir;

use crate::{
    run::{Run, wait},
    world::World,
};

/// How long a program may run before the test fails.
const LIMIT: Duration = Duration::from_mins(1);

/// A home folder, a working folder and an environment.
///
/// The environment holds `PATH`, `HOME` and `TERM`, the way to the world, and what was set; nothing comes from the machine the test runs on.
/// In the text of files and the values of variables, `@HOME@` and `@CWD@` stand for the two folders, `@DIR@` for the folder of the world's `ca.pem`, and `@PROXY@` for the URL of its proxy.
pub struct Machine {
    folder: TempDir,
    system_root: PathBuf,
    world: PathBuf,
    proxy: String,
    env: BTreeMap<String, String>,
    limit: Duration,
}

impl Machine {
    /// A machine whose way out is the proxy of `world`, and which trusts its CA.
    pub fn new(world: &World) -> Self {
        let mut machine = Self::direct(world);
        machine.env("HTTPS_PROXY", &world.proxy_url());
        machine
    }

    /// A machine that trusts the CA of `world` and goes there directly: its network has to lead it there.
    pub fn direct(world: &World) -> Self {
        let mut machine = Self::offline();
        world.folder().clone_into(&mut machine.world);
        machine.proxy = world.proxy_url();
        machine.env(
            "NODE_EXTRA_CA_CERTS",
            &world.ca_path().display().to_string(),
        );
        machine
    }

    /// A machine that no world belongs to.
    ///
    /// Nothing here keeps a program from the real network: it has to be told to stay offline.
    pub fn offline() -> Self {
        let folder = TempDir::with_prefix("machine-").expect("a temporary folder can be made");
        for name in ["home", "work"] {
            fs::create_dir(folder.path().join(name)).expect("the temporary folder is writable");
        }
        let mut machine = Self {
            system_root: folder.path().join("system"),
            world: folder.path().to_owned(),
            proxy: String::new(),
            folder,
            env: BTreeMap::new(),
            limit: LIMIT,
        };
        let home = machine.home().display().to_string();
        machine
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &home)
            .env("TERM", "dumb");
        machine
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The working folder.
    pub fn cwd(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The folder in the place of `/`, for names of files that begin with it.
    pub fn system_root(&self) -> &Path {
        &self.system_root
    }

    /// Writes files whose names begin with `/` to where they say, for a test that has an `/etc` of its own.
    pub fn real_system_root(&mut self) -> &mut Self {
        self.system_root = PathBuf::from("/");
        self
    }

    /// The variables.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Sets a variable.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        let value = self.fill_in(value);
        self.env.insert(name.to_owned(), value);
        self
    }

    /// Removes a variable, one of those a machine starts with included.
    pub fn env_remove(&mut self, name: &str) -> &mut Self {
        self.env.remove(name);
        self
    }

    /// Writes a file and the folders it is in; `~/` is the home folder, `/` the system's, other names belong to the working folder.
    pub fn file(&mut self, name: &str, text: &str) -> &mut Self {
        self.write(name, text);
        self
    }

    /// Writes a file that can be run.
    pub fn executable(&mut self, name: &str, text: &str) -> &mut Self {
        let path = self.write(name, text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
                .expect("a new file belongs to the test");
        }
        #[cfg(not(unix))]
        drop(path);
        self
    }

    /// Links one file to another; names are as in [`Machine::file`].
    pub fn link(&mut self, name: &str, target: &str) -> &mut Self {
        let (path, target) = (self.path(name), self.path(target));
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("the machine's folders are writable");
        #[cfg(unix)]
        let linked = std::os::unix::fs::symlink(target, path);
        #[cfg(windows)]
        let linked = std::os::windows::fs::symlink_file(target, path);
        linked.expect("the machine's folders are writable");
        self
    }

    /// Writes a cached IAM Identity Center token, as `aws sso login` does, for a session name or a start URL.
    pub fn sso_token(&mut self, session_or_start_url: &str, token: &TokenSpec) -> &mut Self {
        let start_url = if session_or_start_url.contains("://") {
            session_or_start_url
        } else {
            &token.start_url
        };
        let mut body = json!({
            "startUrl": start_url,
            "region": token.region,
            "accessToken": token.access_token,
            "expiresAt": from_now(token.expires_in_seconds),
        });
        if token.refreshable {
            body["clientId"] = json!("client-id");
            body["clientSecret"] = json!("client-secret");
            body["registrationExpiresAt"] = json!(from_now(token.registration_expires_in_seconds));
            body["refreshToken"] = json!("sso-refresh-token");
        }
        let name = sha1_hex(session_or_start_url);
        self.file(&format!("~/.aws/sso/cache/{name}.json"), &body.to_string())
    }

    /// Changes how long a program may run before the test fails; 60 seconds otherwise.
    pub fn limit(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    /// Runs a program to its end, with nothing on its standard input.
    ///
    /// # Panics
    ///
    /// Where the program cannot be started, or is still running when the limit is over.
    #[track_caller]
    pub fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> Run {
        let program = program.as_ref();
        let (run, ended) = self.run_to_the_limit(program, args);
        let Run { stdout, stderr, .. } = &run;
        assert!(
            ended,
            "{} {args:?} was still running after {:?} and was stopped\n\
             --- stdout\n{stdout}\n--- stderr\n{stderr}",
            program.display(),
            self.limit
        );
        run
    }

    /// Runs a program to its end or the limit, with nothing on its standard input, and tells whether it ended by itself.
    ///
    /// # Panics
    ///
    /// Where the program cannot be started.
    #[track_caller]
    pub fn run_to_the_limit(&self, program: impl AsRef<Path>, args: &[&str]) -> (Run, bool) {
        let program = program.as_ref();
        // Files and not pipes: a grandchild that outlives the program would keep a pipe open.
        let outputs = [
            self.folder.path().join("stdout"),
            self.folder.path().join("stderr"),
        ];
        let [stdout, stderr] = outputs
            .each_ref()
            .map(|path| File::create(path).expect("the machine's folder is writable"));
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.cwd())
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let start = Instant::now();
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        let status = wait(&mut child, self.limit);
        let [stdout, stderr] = outputs.each_ref().map(|path| {
            let bytes = fs::read(path).expect("output was just written");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let run = Run {
            code: status.and_then(|status| status.code()).unwrap_or(-1),
            stdout,
            stderr,
            seconds: start.elapsed().as_secs_f64(),
        };
        (run, status.is_some())
    }

    fn path(&self, name: &str) -> PathBuf {
        match (name.strip_prefix("~/"), name.strip_prefix('/')) {
            (Some(rest), _) => self.home().join(rest),
            (None, Some(rest)) => self.system_root.join(rest),
            (None, None) => self.cwd().join(name),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("the machine's folders are writable");
        fs::write(&path, self.fill_in(text)).expect("the machine's folders are writable");
        path
    }

    /// Text with its place-holders filled in.
    pub fn fill_in(&self, text: &str) -> String {
        text.replace("@HOME@", &self.home().display().to_string())
            .replace("@CWD@", &self.cwd().display().to_string())
            .replace("@DIR@", &self.world.display().to_string())
            .replace("@PROXY@", &self.proxy)
    }
}

/// What is in a cached IAM Identity Center token.
#[derive(Debug, Clone)]
pub struct TokenSpec {
    /// The token itself.
    pub access_token: String,
    /// Seconds from now until it expires; negative for one that has.
    pub expires_in_seconds: i64,
    /// Whether it holds a refresh token and a client registration.
    pub refreshable: bool,
    /// Seconds from now until the client registration expires.
    pub registration_expires_in_seconds: i64,
    /// The region of IAM Identity Center.
    pub region: String,
    /// The start URL, where the token is cached under a session name.
    pub start_url: String,
}

impl Default for TokenSpec {
    /// A token that can be refreshed and has eight hours left.
    fn default() -> Self {
        Self {
            access_token: "sso-access-token".to_owned(),
            expires_in_seconds: 8 * 3600,
            refreshable: true,
            registration_expires_in_seconds: 90 * 86_400,
            region: "us-east-1".to_owned(),
            start_url: "https://example.awsapps.com/start".to_owned(),
        }
    }
}

/// Returns the time so many seconds from now, as the AWS CLI writes it.
fn from_now(seconds: i64) -> String {
    let now = Timestamp::try_from(SystemTime::now()).expect("the clock is set");
    let time = now + SignedDuration::from_secs(seconds);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn sha1_hex(text: &str) -> String {
    use std::fmt::Write;
    Sha1::digest(text)
        .iter()
        .fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_program_sees_only_what_was_set() {
        let mut machine = Machine::offline();
        machine.env("AWS_REGION", "us-east-1").env_remove("TERM");
        let run = machine.run("/usr/bin/env", &[]);
        let mut names: Vec<&str> = run
            .stdout
            .lines()
            .filter_map(|it| Some(it.split_once('=')?.0))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["AWS_REGION", "HOME", "PATH"]);
        assert_eq!(run.code, 0);
    }

    #[test]
    fn files_land_in_home_or_in_the_working_folder() {
        let mut machine = Machine::offline();
        machine
            .file(".claude/settings.json", "{\"here\": \"@CWD@\"}")
            .executable(
                "~/bin/hello.sh",
                "#!/bin/sh\necho hello; cat .claude/settings.json; exit 3\n",
            );
        let run = machine.run(machine.home().join("bin/hello.sh"), &[]);
        let here = machine.cwd().display().to_string();
        assert_eq!(run.stdout, format!("hello\n{{\"here\": \"{here}\"}}"));
        assert_eq!(run.code, 3);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_to_its_file() {
        let mut machine = Machine::offline();
        machine
            .file("~/versions/2.1.330", "here")
            .link("~/.local/bin/claude", "~/versions/2.1.330");
        let link = machine.home().join(".local/bin/claude");
        assert_eq!(fs::read_to_string(&link).unwrap(), "here");
        assert!(link.canonicalize().unwrap().ends_with("versions/2.1.330"));
    }

    #[test]
    fn a_token_is_cached_under_the_hash_of_its_session() {
        let mut machine = Machine::offline();
        machine.sso_token(
            "my-sso",
            &TokenSpec {
                refreshable: false,
                ..TokenSpec::default()
            },
        );
        let path = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
        let text = fs::read_to_string(machine.home().join(path)).unwrap();
        let token: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(token["startUrl"], "https://example.awsapps.com/start");
        assert_eq!(token.get("refreshToken"), None);
    }

    #[test]
    #[should_panic(expected = "was still running after")]
    fn a_program_that_hangs_fails_the_test_in_time() {
        let mut machine = Machine::offline();
        machine
            .limit(Duration::from_millis(300))
            .run("/bin/sleep", &["30"]);
    }
}
