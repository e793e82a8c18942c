//! Tests of the server, over plain sockets.

use serde_json::json;

use super::*;

fn exchange(server: &Server, request: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn get(reply: Reply) -> io::Result<String> {
    let server = Server::start(move |_| reply.clone());
    exchange(&server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn requests_are_read_with_length_and_in_chunks_on_one_connection() {
    let server = Server::start(|request| Reply::json(200, &json!({"got": request.json(), "path": request.path})));
    let answer = exchange(
        &server,
        "POST /a%2Fb?x=1&y=a%20b+c HTTP/1.1\r\nHost: x\r\nAUTHORIZATION: Bearer t\r\nContent-Length: 7\r\n\r\n{\"a\":1}\
         POST http://elsewhere/c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"b\r\n4;x=y\r\n\":2}\r\n0\r\n\r\n\
         GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let answer = String::from_utf8(answer.unwrap()).unwrap();
    assert!(answer.contains(r#"{"got":{"a":1},"path":"/a%2Fb"}"#), "{answer}");
    assert!(answer.contains(r#"{"got":{"b":2},"path":"/c"}"#), "{answer}");
    assert!(answer.ends_with(r#"{"got":null,"path":"/"}"#), "{answer}");
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(server.connections(), 1);
    assert_eq!(requests[0].segments(), ["a/b"]);
    assert_eq!(requests[0].query("y"), Some("a b c"));
    assert_eq!(requests[0].bearer(), Some("t"));
}

#[test]
fn good_answers_have_a_true_length() {
    let answer = get(Reply::json(200, &json!({"a": 1})).header("X-Y", 7)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("X-Y: 7\r\n") && answer.contains("Content-Length: 7\r\n"),
        "{answer}"
    );
    assert_eq!(body(&answer), r#"{"a":1}"#);
    assert_eq!(
        body(&get(Reply::raw(200, "t", "abc").framing(Framing::Chunked)).unwrap()),
        "3\r\nabc\r\n0\r\n\r\n"
    );
    assert_eq!(
        body(&get(Reply::raw(200, "t", "abc").framing(Framing::UntilClose)).unwrap()),
        "abc"
    );
    assert!(!get(Reply::empty(204)).unwrap().contains("Content-Length"));
}

#[test]
fn cuts_are_resets_or_early_ends() {
    let good = || Reply::raw(200, "text/plain", "0123456789");
    for reply in [
        Reply::cut(End::Reset),
        good().cut_in_headers(End::Reset),
        good().cut_in_body(4, End::Reset),
    ] {
        assert_eq!(get(reply).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    assert_eq!(get(Reply::cut(End::Close)).unwrap(), "");
    let head = get(good().cut_in_headers(End::Close)).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("\r\n\r\n"), "{head}");
    let answer = get(good().cut_in_body(4, End::Close)).unwrap();
    assert!(answer.contains("Content-Length: 10\r\n"), "{answer}");
    assert_eq!(body(&answer), "0123");
    assert_eq!(body(&get(good().cut_in_body(99, End::Close)).unwrap()), "0123456789");
}

#[test]
fn lengths_and_chunks_can_lie() {
    let answer = get(Reply::raw(200, "t", "abc").framing(Framing::Claimed(99))).unwrap();
    assert!(
        answer.contains("Content-Length: 99\r\n") && body(&answer) == "abc",
        "{answer}"
    );
    let answer = get(Reply::raw(200, "t", "abc").framing(Framing::BrokenChunks)).unwrap();
    assert_eq!(body(&answer), "3\r\nabc\r\nthis is no size\r\n\r\n");
    assert_eq!(get(Reply::bytes("SSH-2.0-x\r\n")).unwrap(), "SSH-2.0-x\r\n");
}

#[test]
fn bombs_are_small_on_the_wire_and_large_inside() {
    let server = Server::start(|_| Reply::gzip_bomb(50 << 20));
    let answer = exchange(&server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    assert!(answer.len() < 1 << 20, "{} bytes", answer.len());
    let start = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(String::from_utf8_lossy(&answer[..start]).contains("Content-Encoding: gzip"));
    let mut rest = &answer[start..];
    let mut packed = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        packed.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    let size = io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut io::sink()).unwrap();
    assert_eq!(size, (50 << 20) + r#"{"padding":""}"#.len() as u64);
}

#[test]
fn slow_answers_are_slow_and_hanging_ones_end_with_the_server() {
    let begun = Instant::now();
    let answer = get(Reply::raw(200, "t", "abc")
        .delay(Duration::from_millis(100))
        .drip(16, Duration::from_millis(20)));
    assert_eq!(body(&answer.unwrap()), "abc");
    assert!(begun.elapsed() >= Duration::from_millis(140));

    let mut server = Server::start(|_| Reply::hang());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(matches!(
        stream.read(&mut [0]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    ));
    server.stop();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // End or reset, but an end.
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    let refuses_when_stopped = || {
        let mut server = Server::start(|_| Reply::hang());
        server.stop();
        TcpStream::connect(server.address()).is_err()
    };
    // Another test's server may be given the port in between.
    assert!((0..3).any(|_| refuses_when_stopped()));
}

#[test]
fn a_closed_port_refuses_until_it_is_opened() {
    let port = closed_port();
    let address = port.address();
    assert_eq!(
        TcpStream::connect(address).unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
    let server = port.open(|_| Reply::empty(204));
    assert_eq!(server.address(), address);
    assert!(
        exchange(&server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            .unwrap()
            .starts_with(b"HTTP/1.1 204")
    );
}

#[test]
fn a_handler_that_panics_fails_the_test_that_owns_the_server() {
    let server = Server::start(|_| panic!("unexpected request"));
    let answer = exchange(&server, "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 500"));
    let panic = catch_unwind(AssertUnwindSafe(|| drop(server))).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("GET /x: unexpected request")
    );
}

#[test]
fn a_connection_can_be_taken_over() {
    let reply = Reply::take_over(|connection, _| connection.write_all(b"HTTP/1.1 200 OK\r\n\r\ntunnel"));
    assert_eq!(body(&get(reply).unwrap()), "tunnel");
}
