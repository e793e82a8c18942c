//! The data flow: inputs and context → start or attach → wait → report → sinks.

pub mod context;
pub mod inputs;
pub mod publish;
pub mod render;
pub mod report;
pub mod secret;
