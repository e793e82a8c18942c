//! The pure core: the report, its formats, and the cleaning of text. It knows no network, file, clock or environment.

pub mod render;
pub mod report;
pub mod text;
