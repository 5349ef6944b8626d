//! A server that the application calls: it answers as the test says, and counts.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers as they came, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// Which request to this path it is, from 1.
    pub nth: usize,
}

/// What to answer.
pub struct Answer {
    status: u16,
    headers: String,
    body: Body,
}

enum Body {
    Text(String),
    Streamed(Box<BodyWriter>),
}

type BodyWriter = dyn FnOnce(&mut TcpStream) -> io::Result<()>;

/// Serves on loopback until it is dropped.
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

type Handler = dyn Fn(&Received) -> Answer + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    received: Mutex<Vec<Received>>,
    stopping: AtomicBool,
}

impl Answer {
    /// An answer with a body.
    pub fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Body::Text(body.to_owned()),
        }
    }

    /// An answer whose body is written as time goes by, and ends with the connection.
    pub fn streamed(
        status: u16,
        body: impl FnOnce(&mut TcpStream) -> io::Result<()> + 'static,
    ) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Body::Streamed(Box::new(body)),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }
}

impl TestServer {
    /// Starts serving.
    pub fn start(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            received: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        Self {
            address: listener.local_addr().expect("its address"),
            accepting: Some(thread::spawn({
                let shared = shared.clone();
                move || accept(&listener, &shared)
            })),
            shared,
        }
    }

    /// The absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What came in for a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let received = self.shared.received.lock();
        let received = received.unwrap_or_else(PoisonError::into_inner);
        let to_path = received.iter().filter(|request| request.path == path);
        to_path.cloned().collect()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts. Those that answer end with their connection.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let shared = shared.clone();
        // A caller that leaves in the middle is part of some tests.
        thread::spawn(move || _ = stream.and_then(|stream| shared.serve(stream)));
    }
}

impl Shared {
    /// One request per connection.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(TIME_LIMIT))?;
        let mut received = read(&stream)?;
        {
            let mut all = self.received.lock().unwrap_or_else(PoisonError::into_inner);
            received.nth = 1 + all.iter().filter(|r| r.path == received.path).count();
            all.push(received.clone());
        }
        let Answer {
            status,
            headers,
            body,
        } = (self.handler)(&received);
        let head = format!("HTTP/1.1 {status} Test\r\n{headers}connection: close\r\n");
        match body {
            Body::Text(body) => {
                let length = body.len();
                let head = format!("{head}content-length: {length}\r\n\r\n");
                stream.write_all((head + &body).as_bytes())
            }
            Body::Streamed(write) => {
                stream.write_all((head + "\r\n").as_bytes())?;
                write(&mut stream)
            }
        }
    }
}

fn read(stream: &TcpStream) -> io::Result<Received> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(broken());
    };
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    let length = headers.get("content-length").map(|length| length.parse());
    if headers.contains_key("transfer-encoding") {
        read_chunks(&mut reader, &mut body)?;
    } else if let Some(length) = length {
        let length = length.map_err(|_| broken())?;
        reader.take(length).read_to_end(&mut body)?;
    }
    Ok(Received {
        method,
        path,
        headers,
        body,
        nth: 0,
    })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        reader.by_ref().take(length).read_to_end(body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Opens when a number of threads wait at it. Unlike a barrier it gives up.
#[derive(Debug, Default)]
pub struct Gate {
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Waits for others until there are `count`. False if they don't come.
    pub fn pass(&self, count: usize) -> bool {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        *arrived += 1;
        self.changed.notify_all();
        let (arrived, _) = self
            .changed
            .wait_timeout_while(arrived, Duration::from_secs(5), |arrived| *arrived < count)
            .unwrap_or_else(PoisonError::into_inner);
        *arrived >= count
    }
}
