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
mod secrets;
mod world;

use std::ffi::OsString;

pub use bedrock_doctor_checks::diagnosis::Exit;

pub use self::cli::Cli;
use self::output::Output;
pub use self::world::World;

/// Runs the program with these arguments, the program's name first, and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let world = World::real();
    let output = Output::real();
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => return output.usage(&error),
    };
    run(&world, &cli, &output).code()
}

/// Runs one command.
fn run(world: &World, cli: &Cli, output: &Output) -> Exit {
    match &cli.command {
        cli::Command::Check(args) => commands::check::run(world, args, &cli.global, output),
        cli::Command::Explain { id } => commands::explain::run(id, output),
        cli::Command::List { what, format } => commands::list::run(*what, *format, output),
        cli::Command::Demo { name, output: form } => {
            commands::demo::run(world, name.as_deref(), form, &cli.global, output)
        }
    }
}
