//! The network layer for all servers: the HTTP client, proxies, trusted certificates, and retries.

pub mod http;
pub mod proxy;
pub mod retry;
pub mod secret_url;
pub mod tls;
pub mod written_url;
