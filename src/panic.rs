//! The panic hook: the program fails with a message that contains no data.

use std::io::Write as _;

use crate::report::verdict::exit;

/// Makes a panic in any thread print its location and end the program with exit code 3. The text of the panic is not printed, since
/// it may contain a secret.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        // A workflow command must start on a new line. If standard error is closed, only the exit code remains.
        let _ = writeln!(
            std::io::stderr(),
            "\n::error title=QA.tech::qatech-run stopped because of a bug{place}; please report it"
        );
        std::process::exit(i32::from(exit::BROKEN));
    }));
}
