#![no_main]

#[path = "../../checks/tests/laws/dates.rs"]
mod dates;

libfuzzer_sys::fuzz_target!(|text: &str| dates::hold(text));
