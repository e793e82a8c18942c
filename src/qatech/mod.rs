//! QA.tech's API and nothing else: its calls, what goes over the wire, and how answers are read that break its schema.

pub mod client;
mod lenient;
pub mod repair;
pub mod wire;

pub use client::Client;
