//! See `inputs` in the properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| qatech_run_fuzz::inputs(data));
