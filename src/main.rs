//! The program: arguments, the runtime, and the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use qatech_run::report::verdict::exit;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    qatech_run::panic::install_panic_hook();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some((text, code)) = qatech_run::cli::answer(&arguments) {
        let written = if code == exit::GREEN {
            std::io::stdout().write_all(text.as_bytes())
        } else {
            std::io::stderr().write_all(text.as_bytes())
        };
        return ExitCode::from(if written.is_ok() { code } else { exit::BROKEN });
    }
    // One thread does all: what takes long here is waiting.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(qatech_run::run(std::env::vars_os().collect()));
            // Look-ups of names that hang must not keep the program.
            runtime.shutdown_background();
            ExitCode::from(code)
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: no runtime: {error}");
            ExitCode::from(exit::BROKEN)
        }
    }
}
