//! Secrets in every spelling.
