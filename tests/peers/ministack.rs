//! MiniStack, an AWS that nobody here wrote, for tests of real signature, expiry and policy errors.
//!
//! What it is and where it differs from AWS: `ministack.md` beside this file.
//! Where the program is not installed, [`Ministack::start`] and its siblings say so and return `None`;
//! with `BEDROCK_DOCTOR_REQUIRE_PEERS=1` they panic instead.

#![allow(dead_code, reason = "each test uses the part that it needs")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests: they start a program, say that they skip, and panic on surprises"
)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const ROOT_KEY: &str = "AKIAROOTROOTROOTROOT";
const ROOT_SECRET: &str = "rootsecret";
const PATIENCE: Duration = Duration::from_secs(90);

/// A server of one's own on a loopback port; it ends when the value is dropped or the test dies.
pub(crate) struct Ministack {
    port: u16,
    child: Child,
    callers: Value,
    python: PathBuf,
    home: TempDir,
}

/// Who calls. All are known to the server, and none is the root, whom it never checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A user with every Bedrock action that Claude Code and bedrock-doctor use.
    Allowed,
    /// A user without any policy.
    Denied,
    /// A user with `bedrock:*` and an explicit deny of `bedrock:InvokeModel*`.
    Explicit,
    /// A role session of 900 seconds, begun when the server started; it may do what `Allowed` may.
    Session,
}

/// What a client needs to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
    /// Who AWS says it is; empty for keys that AWS does not know.
    pub(crate) arn: String,
}

impl Ministack {
    /// Returns the one server that all tests of this process share, with the machine's clock.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Ministack>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts a server with the machine's clock.
    pub(crate) fn start() -> Option<Self> {
        Some(Self::launch(&peer("BEDROCK_DOCTOR_MINISTACK")?, None))
    }

    /// Starts a server whose clock [`set_clock`](Self::set_clock) moves.
    pub(crate) fn start_with_clock() -> Option<Self> {
        let program = peer("BEDROCK_DOCTOR_MINISTACK")?;
        Some(Self::launch(
            &program,
            Some(&peer("BEDROCK_DOCTOR_FAKETIME")?),
        ))
    }

    /// Returns the address for every service, such as `http://127.0.0.1:40001`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the keys of a caller.
    pub(crate) fn keys(&self, who: Caller) -> Keys {
        let caller = &self.callers[match who {
            Caller::Allowed => "allowed",
            Caller::Denied => "denied",
            Caller::Explicit => "explicit",
            Caller::Session => "session",
        }];
        let text = |name: &str| caller[name].as_str().map(str::to_owned);
        Keys {
            access_key_id: text("access_key_id").unwrap(),
            secret_access_key: text("secret_access_key").unwrap(),
            session_token: text("session_token"),
            arn: text("arn").unwrap(),
        }
    }

    /// Moves the server's clock from the machine's, for example by `+20m` or `-2h`.
    pub(crate) fn set_clock(&self, offset: &str) {
        let clock = self.home.path().join("clock");
        assert!(
            clock.exists(),
            "only a server from start_with_clock has a clock to set"
        );
        // Renamed into place: the server reads the file at any moment.
        let next = self.home.path().join("clock.next");
        fs::write(&next, format!("{offset}\n")).unwrap();
        fs::rename(next, clock).unwrap();
    }

    /// Runs Python source as root, with `client("iam")` and the like at hand, and returns what it prints.
    pub(crate) fn admin(&self, source: &str) -> String {
        self.python(&[source])
    }

    fn launch(program: &Path, faketime: Option<&Path>) -> Self {
        let python = fs::canonicalize(program.parent().unwrap())
            .unwrap()
            .join("python");
        // Another process may take the port between finding it and using it.
        for _ in 0..3 {
            let home = TempDir::new().unwrap();
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let child = command(&python, home.path(), port, faketime)
                .spawn()
                .unwrap();
            let python = python.clone();
            let mut server = Self {
                port,
                child,
                callers: Value::Null,
                python,
                home,
            };
            if server.answers() {
                server.callers = serde_json::from_str(&server.python(&[])).unwrap();
                return server;
            }
        }
        panic!("MiniStack ended at once, three times");
    }

    /// Waits until the server answers; `false` when it has ended instead.
    fn answers(&mut self) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if healthy(self.port) {
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "MiniStack did not answer within {PATIENCE:?}:\n{}",
            self.log()
        );
    }

    fn python(&self, arguments: &[&str]) -> String {
        let out = Command::new(&self.python)
            .args([
                "-c",
                include_str!("seed.py"),
                &self.url(),
                ROOT_KEY,
                ROOT_SECRET,
            ])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{errors}\n{}", self.log());
        String::from_utf8(out.stdout).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // The server ends its process group when its standard input does.
        drop(self.child.stdin.take());
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // Not even that helped: at least the server itself must not stay.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Keys {
    /// Returns well-formed keys that no account has.
    pub(crate) fn unknown() -> Self {
        Self {
            access_key_id: "AKIAUNKNOWNUNKNOWN00".to_owned(),
            secret_access_key: "unknown".to_owned(),
            session_token: None,
            arn: String::new(),
        }
    }

    /// Returns the same keys with a secret that is not theirs.
    pub(crate) fn with_wrong_secret(mut self) -> Self {
        self.secret_access_key.push_str("wrong");
        self
    }

    /// Returns the keys as the variables that every AWS client reads.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = vec![
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
        ];
        env.extend(
            self.session_token
                .clone()
                .map(|token| ("AWS_SESSION_TOKEN", token)),
        );
        env
    }
}

/// Returns the variables under which a program sees another time, for example `-2h`.
pub(crate) fn clock(offset: &str) -> Option<Vec<(&'static str, OsString)>> {
    let mut env = preload(&peer("BEDROCK_DOCTOR_FAKETIME")?);
    env.push(("FAKETIME", offset.into()));
    Some(env)
}

/// Returns the program or library that `scripts/test` has named in `variable`.
pub(crate) fn peer(variable: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).filter(|path| !path.is_empty());
    if path.is_none() {
        let required = env::var_os("BEDROCK_DOCTOR_REQUIRE_PEERS").is_some_and(|it| it == "1");
        assert!(!required, "`{variable}` is not set: run `scripts/test`");
        eprintln!("skipped: `{variable}` is not set, see `scripts/test`");
    }
    path.map(PathBuf::from)
}

fn command(python: &Path, home: &Path, port: u16, faketime: Option<&Path>) -> Command {
    let log = fs::File::create(home.join("log")).unwrap();
    let mut command = Command::new(python);
    command
        .args(["-c", include_str!("serve.py")])
        .arg(home)
        .env_clear()
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("STATE_DIR", home.join("state"))
        .env("S3_DATA_DIR", home.join("s3"))
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("AUTH", "true")
        .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_SECRET)
        // It would listen on a fixed port, and clean up containers of the machine.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("DOCKER_HOST", "unix:///nonexistent")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0);
    if let Some(library) = faketime {
        let clock = home.join("clock");
        fs::write(&clock, "+0\n").unwrap();
        command
            .envs(preload(library))
            .env("FAKETIME_TIMESTAMP_FILE", clock);
    }
    command
}

fn preload(library: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library.into()),
        // Read anew at each look at the clock.
        ("FAKETIME_NO_CACHE", "1".into()),
        // Time-outs count real seconds.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

fn healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let request = "GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .is_ok()
        && stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
