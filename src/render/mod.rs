//! The renderers: a report in, text out. Nothing here does I/O.
