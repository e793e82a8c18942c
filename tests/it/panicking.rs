//! A panic, should one happen, ends the program red. The test binary starts itself to see one.

use qatech_fakes::harness::{Done, Run};

/// Says where the copy is to panic.
const WHERE: &str = "PANIC_WHERE";
const TEXT: &str = "the text of a panic may hold a secret";

/// Panics where the environment says; does nothing in an ordinary run of the tests.
#[test]
fn the_copy() {
    let Ok(place) = std::env::var(WHERE) else { return };
    qatech_run::panic::install_panic_hook();
    match place.as_str() {
        "here" => panic!("{TEXT}"),
        "in a thread" => {
            // It is awaited by nobody, as the thread that listens for signals.
            std::thread::spawn(|| panic!("{TEXT}"));
            std::thread::sleep(std::time::Duration::from_secs(30));
        }
        "in a future" => tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(async { panic!("{TEXT}") }),
        "where it would be caught" => {
            // A test's own guard, as a library might have one.
            let _ = std::panic::catch_unwind(|| panic!("{TEXT}"));
        }
        place => panic!("no such place: {place}"),
    }
}

fn panicking(place: &str) -> Done {
    let program = std::env::current_exe().expect("the path of this test");
    let run = Run::new(program)
        .arg("panicking::the_copy")
        .arg("--exact")
        .arg("--nocapture");
    run.env(WHERE, place).output()
}

#[test]
fn a_panic_ends_red_with_a_message_and_without_its_text() {
    for place in ["here", "in a thread", "in a future", "where it would be caught"] {
        let done = panicking(place);
        assert_eq!(done.code, 3, "{place}: {}", done.log);
        let told = done.stderr.lines().any(|line| {
            line.starts_with("::error title=QA.tech::qatech-run stopped because of a bug at tests")
                && line.contains("panicking.rs:")
        });
        assert!(told, "{place}: {}", done.stderr);
        assert!(!done.log.contains(TEXT), "{place}: {}", done.log);
    }
}
