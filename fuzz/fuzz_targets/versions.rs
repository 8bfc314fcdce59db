#![no_main]

#[path = "../../checks/tests/laws/versions.rs"]
mod versions;

libfuzzer_sys::fuzz_target!(|text: &str| versions::hold(text));
