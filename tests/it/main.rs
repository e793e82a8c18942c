//! The tests that need more than one module or the program itself, in one process: each is mostly waiting, so they run
//! side by side on more threads than there are cores (`.cargo/config.toml`).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod architecture;
mod attacks;
mod blackbox;
#[cfg(unix)]
mod disk;
mod documents;
mod fault_matrix;
mod formats;
mod fuzz;
mod github;
mod history_file;
mod html_pages;
mod latency;
mod network;
mod panicking;
mod pictures;
mod previews;
mod scene;
mod waiting;
