//! QA.tech's API: its calls, its wire types, and lenient parsing of answers that break its schema.

pub mod builds;
pub mod clean;
pub mod client;
pub mod details;
mod digest;
pub mod error;
mod lenient;
pub mod repair;
mod run_reader;
pub mod wire;

pub use client::Client;
