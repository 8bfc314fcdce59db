//! The one place that prints, and asks. Data goes to stdout, everything else to stderr; a reader that left is no error.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bedrock_doctor_checks::diagnosis::Exit;

use crate::cli::ColorWhen;
use crate::render::page::wrapped;
use crate::world::World;

/// Where the program prints.
pub(crate) struct Output {
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    kept: Option<Mutex<Printed>>,
}

/// What the program would have printed.
#[derive(Debug, Clone, Default)]
pub struct Printed {
    /// The data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Output {
    /// The streams of this process.
    pub(crate) fn real() -> Self {
        Self {
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            kept: None,
        }
    }

    /// No streams: what is printed is kept.
    pub(crate) fn kept() -> Self {
        Self {
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            kept: Some(Mutex::default()),
        }
    }

    /// What was kept.
    pub(crate) fn into_printed(self) -> Printed {
        let kept = self.kept.unwrap_or_default();
        kept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, how: impl FnOnce(&mut Printed)) -> bool {
        let Some(kept) = &self.kept else { return false };
        how(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
        true
    }

    /// Prints data and returns the exit code, which is another one only when the data could not be written. A reader
    /// that left is no error.
    pub(crate) fn data(&self, text: &str, exit: Exit) -> Exit {
        if self.keep(|printed| printed.stdout.push_str(text)) {
            return exit;
        }
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.message(&format!("error: the output could not be written: {error}"));
                Exit::Internal
            }
            _ => exit,
        }
    }

    /// Writes data to a file, or prints it where none is named.
    pub(crate) fn write(&self, path: Option<&Path>, text: &str, exit: Exit) -> Exit {
        let Some(path) = path else {
            return self.data(text, exit);
        };
        if let Err(why) = World::write(path, text) {
            self.message(&format!(
                "error: `{}` could not be written: {why}",
                path.display()
            ));
            return Exit::Usage;
        }
        self.message(&format!("written to `{}`", path.display()));
        exit
    }

    /// Prints a message, wrapped at blanks as the report is.
    pub(crate) fn message(&self, text: &str) {
        self.pass_on(&self.wrapped(text));
    }

    /// Prints what another program says, as it says it.
    pub(crate) fn pass_on(&self, text: &str) {
        if self.keep(|printed| printed.stderr.extend([text, "\n"])) {
            return;
        }
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "{text}");
    }

    /// A text in the width of the standard error; what goes on in the next line is indented.
    fn wrapped(&self, text: &str) -> String {
        let terminal = self.stderr_is_terminal.then(console::Term::stderr);
        let width = columns(terminal).unwrap_or(USUAL_WIDTH);
        let lines = text.split('\n').flat_map(|line| {
            let lead = line.len() - line.trim_start().len();
            wrapped(line, lead + 2, width.clamp(NARROWEST, WIDEST))
        });
        lines.collect::<Vec<String>>().join("\n")
    }

    /// Asks a question on a terminal, once; without a terminal the answer is no.
    pub(crate) fn asks(&self, question: &str) -> bool {
        if !(self.stderr_is_terminal && std::io::stdin().is_terminal()) {
            return false;
        }
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{} [y/N] ", self.wrapped(question));
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// Prints what the argument parser has to say: help to stdout, a complaint to stderr.
    pub(crate) fn usage(&self, error: &clap::Error) -> u8 {
        let text = error.render();
        let kept = self.keep(|printed| {
            let stream = if error.use_stderr() {
                &mut printed.stderr
            } else {
                &mut printed.stdout
            };
            stream.push_str(&text.to_string());
        });
        if !kept {
            let _ = error.print();
        }
        if error.use_stderr() {
            Exit::Usage.code()
        } else {
            Exit::Healthy.code()
        }
    }

    /// Whether progress may be shown.
    pub(crate) fn shows_progress(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Whether to use colour: the flag, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, then the terminal.
    pub(crate) fn colour(&self, when: ColorWhen, world: &World) -> bool {
        let set = |name: &str| world.variable(name).is_some_and(|value| !value.is_empty());
        match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto if set("NO_COLOR") => false,
            ColorWhen::Auto
                if world
                    .variable("CLICOLOR_FORCE")
                    .is_some_and(|value| value != "0" && !value.is_empty()) =>
            {
                true
            }
            ColorWhen::Auto if world.variable("CLICOLOR") == Some("0") => false,
            ColorWhen::Auto => self.stdout_is_terminal && world.variable("TERM") != Some("dumb"),
        }
    }

    /// The width to fill: that of the terminal, 80 otherwise, and never more than reads well.
    pub(crate) fn width(&self, world: &World) -> usize {
        let terminal = self.stdout_is_terminal.then(console::Term::stdout);
        let told = world.variable("COLUMNS").and_then(|text| text.parse().ok());
        told.or_else(|| columns(terminal))
            .unwrap_or(USUAL_WIDTH)
            .clamp(NARROWEST, WIDEST)
    }
}

/// The width where no terminal has one.
const USUAL_WIDTH: usize = 80;
/// What reads well.
const NARROWEST: usize = 40;
const WIDEST: usize = 120;

fn columns(terminal: Option<console::Term>) -> Option<usize> {
    let (_, columns) = terminal?.size_checked()?;
    Some(usize::from(columns))
}
