#![no_main]

#[path = "../../checks/tests/laws/settings.rs"]
mod settings;

libfuzzer_sys::fuzz_target!(|text: &str| settings::hold(text));
