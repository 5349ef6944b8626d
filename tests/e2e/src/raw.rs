//! HTTP as it must not be, or over one connection that is sure to be one.

use crate::Reply;
use crate::openapi::{self, Asked, Server};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A connection that is kept. Whole requests are measured with it, those to peers too, so their answers are not compared
/// with the API's document.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Received and not yet used.
    rest: Vec<u8>,
}

/// Sends these bytes over a connection of their own. `None` if the host closes it without an answer.
///
/// What the host does not read any more, because it has answered already, is no error.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    let mut connection = Connection::open(address);
    let mut writer = connection.stream.try_clone().expect("a second handle");
    thread::scope(|scope| {
        scope.spawn(move || {
            // The host may have answered and closed before all is sent.
            _ = writer.write_all(bytes);
        });
        let reply = connection.receive();
        _ = connection.stream.shutdown(Shutdown::Both);
        if let Some(reply) = &reply {
            check(&String::from_utf8_lossy(bytes), reply);
        }
        reply
    })
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the host takes connections");
        let set = |()| stream.set_write_timeout(Some(TIME_LIMIT));
        stream
            .set_read_timeout(Some(TIME_LIMIT))
            .and_then(set)
            .expect("time limits are set");
        Self {
            stream,
            rest: Vec::new(),
        }
    }

    /// Sends a GET and waits for the answer. The connection stays open.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Reply {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream
            .write_all(head.as_bytes())
            .expect("the request is sent");
        self.receive().expect("the connection is kept open")
    }

    /// Sends a POST of JSON and waits for the answer.
    #[track_caller]
    pub fn post(&mut self, path: &str, body: &str) -> Reply {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let sent = self.stream.write_all(request.as_bytes());
        sent.expect("the request is sent");
        self.receive().expect("the connection is kept open")
    }

    /// Sends these pieces one by one, does something between any two of them, and waits for the
    /// answer.
    #[track_caller]
    pub fn pieces(&mut self, pieces: &[&[u8]], mut between: impl FnMut()) -> Reply {
        for (i, piece) in pieces.iter().enumerate() {
            if i > 0 {
                between();
            }
            self.stream.write_all(piece).expect("the piece is sent");
        }
        let reply = self.receive().expect("an answer");
        check(&String::from_utf8_lossy(&pieces.concat()), &reply);
        reply
    }

    fn receive(&mut self) -> Option<Reply> {
        let end = loop {
            let end = self.rest.windows(4).position(|part| part == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if !self.read_more() => return None,
                None => {}
            }
        };
        let head: Vec<u8> = self.rest.drain(..end).collect();
        let (status, headers) = parse(&String::from_utf8_lossy(&head))?;
        let length = headers
            .get("content-length")
            .and_then(|length| length.to_str().ok()?.parse().ok());
        // Without a length the body ends with the connection.
        while self.rest.len() < length.unwrap_or(usize::MAX) && self.read_more() {}
        let length = self.rest.len().min(length.unwrap_or(usize::MAX));
        Some(Reply {
            status,
            headers,
            body: self.rest.drain(..length).collect(),
        })
    }

    /// False at the end.
    fn read_more(&mut self) -> bool {
        let mut bytes = [0; 8 << 10];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(length) => {
                self.rest.extend(&bytes[..length]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("no answer within {} s", TIME_LIMIT.as_secs())
            }
            // Closed while there was still something to be read.
            Err(_) => false,
        }
    }
}

/// Compares the answer to such a request with the API's document, except for what accepted bodies say.
#[track_caller]
fn check(request: &str, reply: &Reply) {
    let mut words = request.split(' ');
    let (method, target) = (words.next(), words.next());
    let asked = Asked {
        server: Server::Other,
        method: method.unwrap_or_default(),
        target: target.unwrap_or_default(),
        body: b"",
    };
    openapi::check(asked, reply);
}

fn parse(head: &str) -> Option<(u16, HeaderMap)> {
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let name: HeaderName = name.parse().ok()?;
        Some((name, HeaderValue::from_str(value.trim()).ok()?))
    });
    Some((status, headers.collect()))
}
