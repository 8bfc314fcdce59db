#![no_main]

#[path = "../../checks/tests/laws/rewrite.rs"]
mod rewrite;

libfuzzer_sys::fuzz_target!(|text: &str| rewrite::hold(text));
