//! Fakes on loopback for the tests and the demo: an HTTP server that can misbehave, QA.tech, GitHub, and GitHub's runner.
//!
//! ```
//! use qatech_fakes::http::{Reply, Server};
//! use serde_json::json;
//!
//! let server = Server::start(|request| match request.path.as_str() {
//!     "/hello" => Reply::json(200, &json!({"hello": "world"})),
//!     _ => Reply::json(404, &json!({"message": "no such page"})),
//! });
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! ```

pub mod events;
pub mod github;
pub mod harness;
pub mod http;
pub mod job;
pub mod openapi;
mod process;
pub mod qatech;
pub mod runner;
