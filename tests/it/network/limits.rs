//! Answers that are too large, or say so, and servers that fail fast: memory and requests stay within bounds.

use qatech_fakes::http::{End, Framing, Reply};
use qatech_fakes::qatech::{FakeQaTech, Instead, Nth, RunScript, When};

use super::{passing, run};
use crate::scene::assert_ending;

const MIB: u64 = 1024 * 1024;
/// The limit of the issue, in bytes.
const MEMORY: u64 = 200_000_000;

/// The run passes, although its list of all cases is answered with this.
fn passes_without_its_list(name: &str, reply: &Reply) {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", passing());
    let reply = reply.clone();
    fake.intercept(move |request, _| (request.query("testCases") == Some("all")).then(|| Instead::Of(reply.clone())));
    let done = run(&fake.api_url())
        .input("timeout_minutes", "0.5")
        .measure_memory()
        .output();
    assert_eq!(
        (done.code, &done.outputs["verdict"]),
        (0, "passed"),
        "{name}: {}",
        done.log
    );
    assert!(done.log.contains("64 MiB"), "{name}: {}", done.log);
    done.assert_memory_below(MEMORY);
}

#[test]
fn a_list_over_64_mib_does_not_fill_memory() {
    let huge = || Reply::huge_json(300 * MIB);
    passes_without_its_list("a true length", &huge());
    passes_without_its_list("chunks", &huge().framing(Framing::Chunked));
    passes_without_its_list("no length", &huge().framing(Framing::UntilClose));
}

#[test]
fn a_wrong_length_does_not_fill_memory() {
    for claimed in [65 * MIB, u64::MAX / 2] {
        let lie = Reply::raw(200, "application/json", "{}").framing(Framing::Claimed(claimed));
        passes_without_its_list("more than is sent", &lie);
    }
}

#[test]
fn a_bomb_does_not_fill_memory() {
    passes_without_its_list("two GiB of spaces", &Reply::gzip_bomb(2048 * MIB));
}

#[test]
fn a_wrong_length_just_under_the_limit_is_aborted() {
    let fake = FakeQaTech::start();
    fake.plan("pln_a", passing());
    let lie = Reply::raw(200, "application/json", "{")
        .framing(Framing::Claimed(64 * MIB))
        .cut_in_body(1, End::Close);
    fake.fault_polls(1..=3, lie);
    let done = run(&fake.api_url()).measure_memory().output();
    assert_ending(&done, 0, "passed");
    done.assert_memory_below(MEMORY);
}

#[test]
fn an_answer_over_the_limit_to_a_start_or_an_error_is_no_start() {
    for (code, created) in [(200, ""), (500, ""), (404, "false")] {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", passing());
        let mut reply = Reply::huge_json(100 * MIB).framing(Framing::Chunked);
        reply.status = code;
        fake.fault_starts(1, reply);
        let done = run(&fake.api_url()).measure_memory().output();
        assert_eq!(
            (done.code, &done.outputs["verdict"], &done.outputs["run_created"]),
            (3, "unknown", created),
            "{}",
            done.log
        );
        assert_eq!(fake.requests().len(), 1);
        done.assert_memory_below(MEMORY);
    }
}

#[test]
fn a_large_list_is_read_completely() {
    let fake = FakeQaTech::start();
    // 52 MB on the wire, and twice, since the run ends at its second look.
    let script = RunScript::big(5_000, 10_000).ends(When::Look(2), "COMPLETED", Some("FAILED"));
    fake.plan("pln_a", script);
    let done = run(&fake.api_url())
        .input("timeout_minutes", "0.9")
        .measure_memory()
        .output();
    assert_ending(&done, 1, "failed");
    done.assert_outputs(&[("total", "5000"), ("failed", "500")]);
    done.assert_memory_below(MEMORY);
}

#[test]
fn a_server_that_fails_fast_is_not_hammered() {
    let failing = |reply: Reply| {
        let fake = FakeQaTech::start();
        fake.plan("pln_a", passing());
        fake.fault_polls(Nth::Every, reply);
        let done = run(&fake.api_url()).input("timeout_minutes", "0.1").output();
        assert_ending(&done, 4, "timed_out");
        assert!((2..=12).contains(&fake.gets()), "{} in six seconds", fake.gets());
        assert!(done.log.lines().count() < 60, "{}", done.log);
    };
    std::thread::scope(|scope| {
        for reply in [
            Reply::empty(503),
            Reply::cut(End::Reset),
            Reply::raw(200, "text/html", "<h1>hi</h1>"),
            Reply::empty(429).header("Retry-After", 0),
        ] {
            scope.spawn(|| failing(reply));
        }
    });
}
