//! Text that others wrote: which characters may stand in it, and which secrets must not.

mod decode;
pub mod glob;
pub mod redactor;
pub mod sanitize;
pub(crate) mod scan;
pub mod secret;
pub mod short_id;
pub mod sort;

pub use glob::Glob;
pub use redactor::Redactor;
pub use secret::Secret;
pub use short_id::ShortId;
