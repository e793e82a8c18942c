//! Runs a program in its own mount namespace, with other file systems than the test.

use std::path::Path;

use crate::harness::Run;

const UNSHARE: &str = "/usr/bin/unshare";

/// A way to create such namespaces, found by trying.
pub struct Mounts(Vec<&'static str>);

impl Mounts {
    /// Tries whether `script` succeeds in one. `None` if this system does not allow them: an ordinary user needs user
    /// namespaces, which some systems and most containers forbid, so CI may not have them.
    ///
    /// # Panics
    /// If `CI` is set and it fails for any other reason: there, a skipped test must not count as passed.
    pub fn that_can(script: &str) -> Option<Self> {
        let mut problem = format!("there is no {UNSHARE}");
        if Path::new(UNSHARE).exists() {
            for arguments in [vec!["--mount"], vec!["--user", "--map-root-user", "--mount"]] {
                let mounts = Self(arguments);
                let done = mounts.run(script).output();
                if done.code == 0 {
                    return Some(mounts);
                }
                problem = done.log;
            }
        }
        let forbidden = ["not permitted", "denied"].iter().any(|word| problem.contains(word));
        assert!(
            forbidden || std::env::var_os("CI").is_none_or(|value| value.is_empty()),
            "no mount namespace can be made in CI: {problem}"
        );
        eprintln!("skipped: no mount namespace can be made here: {problem}");
        None
    }

    /// A shell that runs `script` in a namespace, as a user who may mount.
    pub fn run(&self, script: &str) -> Run {
        let run = Run::new(UNSHARE).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let run = self.0.iter().fold(run, |run, argument| run.arg(argument));
        run.arg("/bin/sh").arg("-c").arg(script)
    }
}
