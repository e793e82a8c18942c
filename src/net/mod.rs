//! The network layer of both APIs: the HTTP client, proxies, trusted certificates, and retries.

pub mod http;
pub mod proxy;
pub mod retry;
pub mod secret_url;
pub mod tls;
