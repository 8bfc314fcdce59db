#![no_main]

#[path = "../../checks/tests/laws/token_caches.rs"]
mod token_caches;

libfuzzer_sys::fuzz_target!(|text: &str| token_caches::hold(text));
