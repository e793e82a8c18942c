//! The contract, tested from outside: environment in; exit code, files, log and requests out. A module a subject.

// Played by a shell.
#[cfg(unix)]
mod action;
mod at_once;
#[cfg(unix)]
mod blocking_files;
mod builds;
mod case_details;
mod dry_run;
mod elsewhere;
mod files;
mod forgiving;
mod inputs;
mod inputs_sent;
mod non_blocking;
mod outputs;
#[cfg(unix)]
mod planted;
mod polling;
mod polling_faults;
mod projects;
mod quarantine;
mod reruns;
mod secrets;
mod several_runs;
#[cfg(unix)]
mod signals;
mod starting;
mod summary;
mod verdict;
