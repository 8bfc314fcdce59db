//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(bedrock_doctor::main(std::env::args_os()))
}
