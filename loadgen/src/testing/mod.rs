//! A tiny HTTP server for the tests: one thread per connection, keep-alive, answers by a function.

pub(crate) mod stand_in;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request as it came.
pub(crate) struct Request {
    /// The request line and the headers.
    pub(crate) head: String,
    /// The body, by its Content-Length.
    pub(crate) body: String,
}

/// A server that listens until the test ends.
pub(crate) struct FakeServer {
    /// Its address, `http://127.0.0.1:port`.
    pub(crate) address: String,
}

impl FakeServer {
    /// Starts one that answers every request by this function: status and body.
    pub(crate) fn start(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::serve(move |request, stream| {
            let (status, body) = answer(request);
            let length = body.len();
            let kind = "content-type: application/json";
            write!(stream, "HTTP/1.1 {status} Answer\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{body}")
                .expect("the client reads its answer");
        })
    }

    /// Starts one that writes each answer itself.
    pub(crate) fn serve(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("has an address"));
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || converse(stream.expect("a connection"), &*answer));
            }
        });
        Self { address }
    }
}

fn converse(mut stream: TcpStream, answer: &dyn Fn(&Request, &mut TcpStream)) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).expect("the whole body");
        let body = String::from_utf8(body).expect("the body is text");
        answer(&Request { head, body }, &mut stream);
    }
}
