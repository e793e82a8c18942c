//! The last word should the program panic: red, with a message, and with nothing of what it was working on.

use std::io::Write as _;

use crate::report::verdict::exit;

/// From now on a panic in any thread tells where it happened and ends the program with code 3, whatever it interrupts.
/// Its text stays out: it may hold a secret.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        // A command begins a line. Nobody may read it any more: then the code has to do.
        let _ = writeln!(
            std::io::stderr(),
            "\n::error title=QA.tech::qatech-run has a bug and gave up{place}; please report it"
        );
        std::process::exit(i32::from(exit::BROKEN));
    }));
}
