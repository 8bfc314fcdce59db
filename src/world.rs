//! The only door to the machine: environment, home, files, clock and helper programs.
//!
//! Everything it returns may hold secrets and stays in memory; the probes turn it into facts.
//! The network has its own door, `http.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the door that the lint sends everybody else to"
)]
#![expect(
    clippy::unused_self,
    reason = "whoever reads a file must hold the machine"
)]

mod process;
mod replace;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

pub(crate) use self::process::HelperEnd;

/// The largest configuration file that is read: no real one comes near it.
const FILE_LIMIT: u64 = 32 * 1024 * 1024;

/// The machine the program runs on.
#[derive(Clone)]
pub struct World {
    environment: BTreeMap<String, String>,
    home: Option<PathBuf>,
    working_folder: PathBuf,
    system_root: PathBuf,
    now: Timestamp,
    /// How far the clock is ahead of that of the real machine.
    ahead: SignedDuration,
    network: Option<Network>,
}

/// A machine that does not exist, to run the program on.
#[derive(Debug, Clone)]
pub struct MadeUp {
    /// The variables; nothing comes from this process.
    pub environment: BTreeMap<String, String>,
    /// The home folder.
    pub home: PathBuf,
    /// The folder the program is started in.
    pub working_folder: PathBuf,
    /// The folder in the place of `/`: `etc/claude-code` stands below it.
    pub system_root: PathBuf,
    /// What the clock shows at the start.
    pub now: Timestamp,
    /// The network; without it, the real one.
    pub network: Option<Network>,
}

/// A network where every host that is not the machine itself stands at one address.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where every connection leads, whatever its port.
    pub door: SocketAddr,
    /// The names that DNS does not know.
    pub unknown_names: Vec<String>,
}

/// What became of an attempt to read a file.
pub(crate) enum FileText {
    /// There is no such file.
    Absent,
    /// Its text. A byte-order mark is kept.
    Text(String),
    /// It is there and cannot be read, and why.
    Unreadable(String),
}

impl World {
    /// The real machine, as this process sees it.
    pub fn real() -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect();
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        Self {
            home,
            working_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            system_root: PathBuf::from("/"),
            now: Timestamp::now(),
            ahead: SignedDuration::ZERO,
            network: None,
            environment,
        }
    }

    /// A made-up machine. Its helper programs are real ones.
    pub fn made_up(machine: MadeUp) -> Self {
        Self {
            environment: machine.environment,
            home: Some(machine.home),
            working_folder: machine.working_folder,
            system_root: machine.system_root,
            now: machine.now,
            ahead: machine.now.duration_since(Timestamp::now()),
            network: machine.network,
        }
    }

    /// A variable of this process, also when it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// All variables of this process.
    pub(crate) fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The same machine with these variables set.
    #[must_use]
    pub(crate) fn with_variables(&self, variables: &[(String, String)]) -> Self {
        let mut world = self.clone();
        world.environment.extend(variables.iter().cloned());
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        if let Some((_, home)) = variables
            .iter()
            .rev()
            .find(|(variable, _)| variable == name)
        {
            world.home = Some(PathBuf::from(home)).filter(|home| !home.as_os_str().is_empty());
        }
        world
    }

    /// The home folder.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The folder the program was started in.
    pub(crate) fn working_folder(&self) -> &Path {
        &self.working_folder
    }

    /// When the program was started.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The clock of this machine at this moment: signatures carry it, and a `Date` header is measured against it.
    pub(crate) fn clock(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.ahead).unwrap_or(now)
    }

    /// The network, where it is made up.
    pub(crate) fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// A path below the root of the system, such as `etc/claude-code`.
    pub(crate) fn system(&self, path: &str) -> PathBuf {
        self.system_root.join(path)
    }

    /// `~` and `~/…` as the AWS SDKs expand them.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => self.working_folder.join(path),
        }
    }

    /// A path for people: `~` for the home folder.
    pub(crate) fn shown(&self, path: &Path) -> String {
        if let Some(home) = &self.home
            && let Ok(rest) = path.strip_prefix(home)
        {
            return format!("~/{}", rest.display());
        }
        if let Ok(rest) = path.strip_prefix(&self.working_folder) {
            return rest.display().to_string();
        }
        let below_root = path.strip_prefix(&self.system_root);
        below_root
            .map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
            .display()
            .to_string()
    }

    /// The text of a file: a regular file of sensible size in UTF-8, or why not. Never waits for a FIFO.
    pub(crate) fn read(&self, path: &Path) -> FileText {
        match read_text(path) {
            Ok(text) => FileText::Text(text),
            Err(Problem::Absent) => FileText::Absent,
            Err(Problem::Because(why)) => FileText::Unreadable(why),
        }
    }

    /// The bytes of a file, such as a PEM file.
    pub(crate) fn read_bytes(&self, path: &Path) -> Result<Vec<u8>, String> {
        read_bytes(path).map_err(|problem| match problem {
            Problem::Absent => "there is no such file".to_owned(),
            Problem::Because(why) => why,
        })
    }

    /// The names in a folder, sorted; empty when there is none, an error when it cannot be listed.
    pub(crate) fn list(&self, folder: &Path) -> Result<Vec<String>, String> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(words(&error)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Whether something stands at a path.
    pub(crate) fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    /// Whether a regular file stands at a path, links followed.
    pub(crate) fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    /// The path with all links followed.
    pub(crate) fn real_path(&self, path: &Path) -> Option<PathBuf> {
        std::fs::canonicalize(path).ok()
    }

    /// The same machine at this moment.
    pub(crate) fn later(&self) -> Self {
        Self {
            now: self.clock(),
            ..self.clone()
        }
    }

    /// Writes a report, to the file that `--output` names.
    pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
        std::fs::write(path, text).map_err(|error| words(&error))
    }
}

enum Problem {
    Absent,
    Because(String),
}

fn read_text(path: &Path) -> Result<String, Problem> {
    String::from_utf8(read_bytes(path)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]);
        let line = 1 + before.matches('\n').count();
        Problem::Because(format!("line {line} is not valid UTF-8"))
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    // Asked before opening: opening a FIFO waits for a writer.
    let metadata = std::fs::metadata(path).map_err(problem)?;
    if metadata.is_dir() {
        return Err(Problem::Because("it is a folder, not a file".to_owned()));
    }
    if !metadata.is_file() {
        return Err(Problem::Because(
            "it is no regular file (a FIFO, socket or device)".to_owned(),
        ));
    }
    if metadata.len() > FILE_LIMIT {
        return Err(Problem::Because(format!(
            "it has {} MiB; more than {} MiB are not read",
            metadata.len() / 1024 / 1024,
            FILE_LIMIT / 1024 / 1024
        )));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(problem)?
        .take(FILE_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(problem)?;
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "fits `map_err`")]
fn problem(error: std::io::Error) -> Problem {
    match error.kind() {
        // The second: a file where a folder of the path should be.
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Problem::Absent,
        _ => Problem::Because(words(&error)),
    }
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}
