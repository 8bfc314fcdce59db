#![no_main]

#[path = "../../checks/tests/laws/error_texts.rs"]
mod error_texts;

libfuzzer_sys::fuzz_target!(|text: &str| error_texts::hold(text));
