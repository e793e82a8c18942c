//! See `read_back` in the properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| qatech_run_fuzz::read_back(data));
