#![no_main]

#[path = "../../checks/tests/laws/aws_cli.rs"]
mod aws_cli;

libfuzzer_sys::fuzz_target!(|text: &str| aws_cli::hold(text));
