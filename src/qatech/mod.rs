//! QA.tech's API: what goes over the wire, the calls, when to call again, and the wait until a run has ended.

pub mod cadence;
pub mod client;
pub mod delay;
pub mod drive;
mod earlier;
pub mod mend;
mod view;
pub mod wait;
pub mod wire;

pub use client::Client;
