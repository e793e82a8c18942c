//! The contract, tested from outside: environment in; exit code, files, log and requests out. A module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

// Played by a shell.
#[cfg(unix)]
mod action;
mod at_once;
mod dry_run;
mod elsewhere;
mod files;
mod forgiving;
mod inputs;
mod inputs_sent;
mod non_blocking;
mod outputs;
mod polling;
mod polling_faults;
mod reruns;
mod scene;
mod secrets;
mod several_runs;
#[cfg(unix)]
mod signals;
mod starting;
mod summary;
mod verdict;
