//! The network below both APIs: the one HTTP client, proxies, trusted certificates, and the delays between retries.

pub mod http;
pub mod proxy;
pub mod retry;
pub mod secret_url;
pub mod tls;
pub mod written_url;
