//! What happens if the program panics: it fails with a message that shows nothing of the data it was working on.

use std::io::Write as _;

use crate::report::verdict::exit;

/// Makes a panic in any thread print where it happened and end the program with code 3. The panic's own text is left out,
/// since it may hold a secret.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        // A command must begin a line. If nobody reads standard error any more, the exit code is all there is.
        let _ = writeln!(
            std::io::stderr(),
            "\n::error title=QA.tech::qatech-run has a bug and gave up{place}; please report it"
        );
        std::process::exit(i32::from(exit::BROKEN));
    }));
}
