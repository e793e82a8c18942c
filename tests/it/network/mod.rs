//! The network as it is met: certificates, proxies, redirects, and answers that are too large.

mod certificates;
mod limits;
mod proxies;
mod redirects;

use qatech_fakes::harness::{Done, Run};
use qatech_fakes::qatech::{Case, FakeQaTech, RunScript, TOKEN, When};
use qatech_fakes::tls::Certificate;

use crate::scene::{self, assert_ending};

/// A plan of two cases that passes at its second look.
fn passing() -> RunScript {
    RunScript::new([Case::passed("Login"), Case::passed("Pay").ends(When::Look(2))])
}

/// A fake with that plan behind a certificate.
fn behind(certificate: Certificate) -> FakeQaTech {
    let fake = FakeQaTech::start_by(|handler| certificate.serve(handler));
    fake.plan("pln_a", passing());
    fake
}

/// The program with this API and the plan `pln_a`.
fn run(api_url: &str) -> Run {
    scene::run_at(api_url)
        .input("test_plan_short_id", "pln_a")
        .input("timeout_minutes", "0.5")
}

/// Nothing is started, nothing is told, and the step waits for a better time until its own is over.
fn never_starts(run: Run, fake: &FakeQaTech, why: &str) -> Done {
    let done = run.input("timeout_minutes", "0.04").output();
    assert_ending(&done, 4, "timed_out");
    assert_eq!((&done.outputs["run_created"], fake.starts()), ("false", 0));
    assert!(done.log.contains(why), "no {why:?} in the log:\n{}", done.log);
    assert!(fake.requests().is_empty(), "{:?}", fake.requests());
    assert_eq!(done.places_with(TOKEN), [""; 0]);
    done
}
