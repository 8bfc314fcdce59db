#![no_main]

#[path = "../../checks/tests/laws/policies.rs"]
mod policies;

libfuzzer_sys::fuzz_target!(|text: &str| policies::hold(text));
