//! Digests of the elements of answers, by which an element is known again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

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
    /// With new seeds: those of a hash map.
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self {
            seed: random.hash_one(0),
            shared: SharedSeed::from_u64(random.hash_one(1)),
        }
    }

    /// The digest of an element, byte for byte.
    pub(super) fn digest(&self, element: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(element);
        hasher.finish()
    }
}
