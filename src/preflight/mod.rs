//! What has to be there before a billed start.

pub mod builds;
