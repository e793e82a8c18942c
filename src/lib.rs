//! The data flow: inputs and context → start or attach → wait → report → sinks.

pub mod render;
pub mod report;
