#![no_main]

#[path = "../../checks/tests/laws/decision.rs"]
mod decision;

libfuzzer_sys::fuzz_target!(|text: &str| decision::hold(text));
