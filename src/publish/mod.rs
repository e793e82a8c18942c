//! The sinks: where the report goes. None of them can change the verdict.

pub mod identity;
