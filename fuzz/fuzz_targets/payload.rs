#![no_main]
//! See `rules/tests/fuzzed/mod.rs`.

#[path = "../../rules/tests/fuzzed/mod.rs"]
#[allow(dead_code, reason = "each target calls one function")]
mod fuzzed;
#[path = "../../rules/tests/made/mod.rs"]
mod made;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::payload(bytes));
