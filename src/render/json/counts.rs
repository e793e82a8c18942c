//! Counts in the JSON report.

use crate::report::Counts;
use serde::{Serialize, Serializer};

/// Counts as an object of names and numbers.
pub(super) struct CountsJson(pub(super) Counts);

impl Serialize for CountsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.entries())
    }
}
