//! Digests of the elements of answers, by which an element is known again.

use std::hash::Hasher;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::random;

/// Computes digests with random seeds, so that nobody can prepare two elements with the same digest.
///
/// By chance, two elements have the same one once in 2⁶⁴ pairs, and 100,000 test cases that are listed 150 times are 2⁴¹ pairs.
/// That is rare enough for what would follow: the change of a case is missed until it changes again, so that a count may be
/// wrong and `fail_fast` may wait longer. The verdict comes from the run's own status and result.
#[derive(Debug, Clone)]
pub(super) struct Digester {
    seed: u64,
    shared: SharedSeed,
}

impl Digester {
    /// With new seeds. `None` if the system has no random source.
    pub(super) fn new() -> Option<Self> {
        Some(Self {
            seed: random::seed().ok()?,
            shared: SharedSeed::from_u64(random::seed().ok()?),
        })
    }

    /// The digest of an element, byte for byte.
    pub(super) fn digest(&self, element: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(element);
        hasher.finish()
    }
}
