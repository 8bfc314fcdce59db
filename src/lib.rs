//! The checkup as a library, so that another program can mount it as its own `doctor` command.

mod aws;
mod cli;
mod commands;
mod credentials;
mod http;
mod output;
mod probes;
mod progress;
mod redact;
mod render;
mod report;
mod resolution;
mod secrets;
mod world;

use std::ffi::OsString;

pub use bedrock_doctor_checks::diagnosis::Exit;

pub use self::cli::Cli;
use self::output::Output;
pub use self::output::Printed;
pub use self::world::{MadeUp, Network, World};

/// Runs the program with these arguments, the program's name first, and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString> + std::panic::UnwindSafe) -> u8 {
    let output = Output::real();
    // A panic's own words may hold anything, a secret too: only its place is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| {
            let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
            format!(" ({file}:{})", place.line())
        });
        Output::real().message(&format!("internal error of bedrock-doctor{place}"));
    }));
    let outcome = std::panic::catch_unwind(|| match Cli::read(arguments) {
        Ok(cli) => run(&World::real(), &cli, &output).code(),
        Err(error) => output.usage(&error),
    });
    outcome.unwrap_or(Exit::Internal.code())
}

/// Runs the program in a given world, without the streams of this process. Returns its exit code and what it printed.
pub fn main_in(world: &World, arguments: impl IntoIterator<Item = OsString>) -> (u8, Printed) {
    let output = Output::kept();
    let code = match Cli::read(arguments) {
        Ok(cli) => run(world, &cli, &output).code(),
        Err(error) => output.usage(&error),
    };
    (code, output.into_printed())
}

/// Runs one command.
fn run(world: &World, cli: &Cli, output: &Output) -> Exit {
    match &cli.command {
        cli::Command::Check(args) => commands::check::run(world, args, &cli.global, output),
        cli::Command::Resolve(args) => commands::resolve::run(world, args, &cli.global, output),
        cli::Command::Policy(args) => commands::policy::run(world, args, &cli.global, output),
        cli::Command::Explain { id } => commands::explain::run(world, id, output),
        cli::Command::List { what, format } => commands::list::run(world, *what, *format, output),
        cli::Command::Demo { name, output: form } => {
            commands::demo::run(world, *name, form, &cli.global, output)
        }
    }
}
