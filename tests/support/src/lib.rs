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
//!
//! A test of the program takes a [`qatech::FakeQaTech`], gives it a script, and runs the real binary against it:
//!
//! ```no_run
//! use qatech_fakes::harness::Run;
//! use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, TOKEN, When};
//!
//! # let program = "qatech-run"; // env!("CARGO_BIN_EXE_qatech-run") in a test
//! let fake = FakeQaTech::start();
//! fake.plan("pln_a", RunScript::new([Case::passed("Login"), Case::failed("Pay").ends(When::Look(2))]));
//! let run = Run::new(program).github().input("api_url", &fake.api_url()).input("api_token", TOKEN);
//! let done = run.input("test_plan_short_id", "pln_a").output();
//! assert_eq!((done.code, &done.outputs["verdict"], fake.starts()), (1, "failed", 1), "{}", done.log);
//! ```
//!
//! [`runner::Play`] does the same through an `action.yml`.

#[cfg(feature = "harness")]
pub mod events;
#[cfg(feature = "harness")]
pub mod github;
#[cfg(feature = "harness")]
pub mod harness;
pub mod http;
#[cfg(feature = "harness")]
pub mod job;
#[cfg(all(target_os = "linux", feature = "harness"))]
pub mod mounts;
#[cfg(feature = "harness")]
pub mod openapi;
#[cfg(feature = "harness")]
mod process;
#[cfg(feature = "harness")]
pub mod proxy;
pub mod qatech;
#[cfg(feature = "harness")]
pub mod runner;
#[cfg(feature = "harness")]
pub mod tls;
