//! An HTTP proxy on loopback: tunnels `CONNECT` requests, and records all requests.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use crate::http::{Reply, Request, Server, Tcp};

/// The proxy; it stops on drop.
pub struct Proxy(Server);

impl Proxy {
    /// Starts one that connects `host:port` to the address that `route` returns, and answers 502 if it returns none.
    pub fn start(route: impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        Self(Server::start(move |request| {
            if request.method != "CONNECT" {
                return Reply::raw(502, "text/plain", "this proxy only makes tunnels");
            }
            match route(&request.target) {
                Some(address) => Reply::take_over(move |_, tcp| tunnel(tcp, address)),
                None => Reply::raw(502, "text/plain", "no route"),
            }
        }))
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The same, with user and password.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.0.address())
    }

    /// The requests to the proxy, without the content of its tunnels.
    pub fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }
}

fn tunnel(client: &Tcp, address: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(address)?;
    client
        .clone()
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.clone(), server.try_clone()?);
    let upwards = thread::spawn(move || {
        // Either end may close at any time; the other is then closed too.
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut &server, &mut client.clone());
    let _ = client.socket().shutdown(Shutdown::Both);
    // A thread that only copies does not panic.
    let _ = upwards.join();
    Ok(())
}
