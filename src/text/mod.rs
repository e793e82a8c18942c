//! Text that others wrote: which characters may stand in it, and which secrets must not.

pub mod glob;
pub mod redactor;
pub mod sanitize;
pub mod secret;
pub mod sort;

pub use glob::Glob;
pub use redactor::Redactor;
pub use secret::Secret;
