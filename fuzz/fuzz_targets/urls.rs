#![no_main]

#[path = "../../checks/tests/laws/urls.rs"]
mod urls;

libfuzzer_sys::fuzz_target!(|text: &str| urls::hold(text));
