//! A small HTTP/1.1 server on loopback: a thread per connection, keep-alive, every request recorded.
//!
//! It answers with a [`Reply`], which can be faulty on purpose. It stops when dropped. A handler that panics
//! answers 500, and the server's drop panics in turn, so that assertions in handlers reach the test.

mod reply;
mod request;
mod send;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use reply::{Body, End, Framing, Reply};
pub use request::{Headers, Request, percent_decode};

/// Answers a request.
pub type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// Turns an accepted TCP connection into the one that carries HTTP, for example by a TLS handshake.
pub type Acceptor = dyn Fn(Tcp) -> io::Result<Box<dyn Connection>> + Send + Sync;

/// A connection that can carry HTTP.
pub trait Connection: Read + Write + Send {}
impl<T: Read + Write + Send> Connection for T {}

/// One TCP connection, shared by the thread that serves it and the one that may close it.
#[derive(Clone, Debug)]
pub struct Tcp(Arc<TcpStream>);

impl Tcp {
    /// The socket underneath.
    pub fn socket(&self) -> &TcpStream {
        &self.0
    }

    /// Makes the close that follows a reset (RST) instead of an orderly end.
    pub fn reset_on_close(&self) {
        // A peer that has closed needs no reset.
        let _ = socket2::SockRef::from(&*self.0).set_linger(Some(Duration::ZERO));
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Tcp {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

/// A signal that ends every pause of a server.
#[derive(Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn stop(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    fn stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Waits; `true` if the server was stopped in the meantime.
    fn pause(&self, time: Duration) -> bool {
        let wait = self
            .changed
            .wait_timeout_while(lock(&self.stopped), time, |stopped| !*stopped);
        *wait.unwrap_or_else(PoisonError::into_inner).0
    }
}

struct Shared {
    handler: Box<Handler>,
    acceptor: Box<Acceptor>,
    stop: Stop,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<Weak<TcpStream>>>,
    opened: Mutex<usize>,
    panics: Mutex<Vec<String>>,
}

/// A running server; it stops on drop.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(|tcp| Ok(Box::new(tcp)), handler)
    }

    /// Like [`start`](Self::start), but `acceptor` first accepts each connection (TLS).
    pub fn start_with(
        acceptor: impl Fn(Tcp) -> io::Result<Box<dyn Connection>> + Send + Sync + 'static,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port of loopback");
        Self::serve(listener, acceptor, handler)
    }

    /// Serves on a listener that the caller bound.
    pub fn serve(
        listener: TcpListener,
        acceptor: impl Fn(Tcp) -> io::Result<Box<dyn Connection>> + Send + Sync + 'static,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("the address of a bound listener");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            acceptor: Box::new(acceptor),
            stop: Stop::default(),
            requests: Mutex::default(),
            connections: Mutex::default(),
            opened: Mutex::default(),
            panics: Mutex::default(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared))
        };
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request received so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The number of connections accepted so far.
    pub fn connections(&self) -> usize {
        *lock(&self.shared.opened)
    }

    /// Stops: cuts every connection and refuses new ones.
    pub fn stop(&mut self) {
        self.shared.stop.stop();
        if let Some(accepting) = self.accepting.take() {
            // Wakes the thread that waits for a connection, so that it ends.
            let _ = TcpStream::connect(self.address);
            let _ = accepting.join();
        }
        for connection in lock(&self.shared.connections)
            .drain(..)
            .filter_map(|weak| weak.upgrade())
        {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let panics = std::mem::take(&mut *lock(&self.shared.panics));
        if !panics.is_empty() && !thread::panicking() {
            panic!("a handler of the fake server panicked: {}", panics.join("; "));
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        // Small answers are written at once.
        let _ = stream.set_nodelay(true);
        let tcp = Tcp(Arc::new(stream));
        let number = {
            let mut connections = lock(&shared.connections);
            connections.retain(|weak| weak.strong_count() > 0);
            connections.push(Arc::downgrade(&tcp.0));
            let mut opened = lock(&shared.opened);
            *opened += 1;
            *opened
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // The peer may close at any time: a failed read or write is the end of the connection.
            if let Ok(mut connection) = (shared.acceptor)(tcp.clone()) {
                let _ = converse(&mut *connection, &tcp, number, &shared);
            }
        });
    }
}

fn converse(connection: &mut dyn Connection, tcp: &Tcp, number: usize, shared: &Shared) -> io::Result<()> {
    let mut unread = Vec::new();
    while let Some(request) = request::read(connection, &mut unread, number)? {
        lock(&shared.requests).push(request.clone());
        let reply = catch_unwind(AssertUnwindSafe(|| (shared.handler)(&request))).unwrap_or_else(|panic| {
            let text = (panic.downcast_ref::<String>().cloned())
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_else(|| "a panic without text".to_owned());
            lock(&shared.panics).push(format!("{} {}: {text}", request.method, request.target));
            Reply::raw(500, "text/plain", text)
        });
        let last = request
            .headers
            .get("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !reply.send(connection, tcp, &request, &shared.stop)? || last {
            break;
        }
    }
    Ok(())
}

/// A loopback port that refuses connections, reserved until it is dropped or opened.
pub struct ClosedPort {
    socket: socket2::Socket,
    address: SocketAddr,
}

/// Takes a free port of 127.0.0.1 without listening on it.
pub fn closed_port() -> ClosedPort {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("make a socket");
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .expect("bind a port of loopback");
    let address = socket
        .local_addr()
        .ok()
        .and_then(|address| address.as_socket())
        .expect("the address of a socket");
    ClosedPort { socket, address }
}

impl ClosedPort {
    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts listening, for a caller that serves the listener itself.
    pub fn listen(self) -> TcpListener {
        self.socket.listen(128).expect("listen on a bound port");
        self.socket.into()
    }

    /// Starts a server on this port, which refused connections before.
    pub fn open(self, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        Server::serve(self.listen(), |tcp| Ok(Box::new(tcp)), handler)
    }
}

/// Waits until `condition` holds; `false` if it does not within `limit`.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Locks even a poisoned mutex: the panic that poisoned it is reported separately.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
