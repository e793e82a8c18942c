//! QA.tech's API and nothing else: its calls, what goes over the wire, and how answers are read that break its schema.

pub mod builds;
pub mod clean;
pub mod client;
pub mod details;
pub mod error;
mod lenient;
pub mod repair;
mod run_reader;
mod short_id;
pub mod wire;

pub use client::Client;
