//! See `annotation_paths` in the properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| qatech_run_fuzz::annotation_paths(data));
