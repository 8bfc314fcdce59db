#![no_main]

#[path = "../../checks/tests/laws/aws_files.rs"]
mod aws_files;

libfuzzer_sys::fuzz_target!(|text: &str| aws_files::hold(text));
