//! A server that expects requests, in their order, and has answers: see clients/README.md.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// A server that hangs does so no longer, so that a client that waits for ever fails and ends.
const HANG_MAX: Duration = Duration::from_secs(20);

/// The server. At the end all requests must have come, and as expected.
pub(crate) struct Scripted {
    script: Arc<Script>,
    pub(crate) url: String,
}

#[derive(Default)]
struct Script {
    exchanges: Vec<Value>,
    state: Mutex<State>,
    over: Mutex<bool>,
    ended: Condvar,
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    count: usize,
    problems: Vec<String>,
    keys: BTreeMap<String, String>,
}

struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Scripted {
    pub(crate) fn start(exchanges: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let script = Arc::new(Script {
            exchanges: exchanges.as_array().expect("exchanges").clone(),
            ..Script::default()
        });
        let serving = Arc::clone(&script);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (script, connection) = (Arc::clone(&serving), connection.expect("a client"));
                thread::spawn(move || script.serve(connection));
            }
        });
        let url = format!("http://{address}");
        Self { script, url }
    }

    /// Fails unless all requests came, and as expected.
    pub(crate) fn check(self) {
        self.script.stop.store(true, Ordering::SeqCst);
        *self.script.over.lock().expect("a lock") = true;
        self.script.ended.notify_all();
        _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        let state = self.script.state.lock().expect("a lock");
        assert!(state.problems.is_empty(), "{:#?}", state.problems);
        assert_eq!(state.count, self.script.exchanges.len(), "requests came");
    }
}

impl Script {
    fn serve(&self, connection: TcpStream) {
        let Some(request) = read(&connection) else {
            return;
        };
        let expected = {
            let mut state = self.state.lock().expect("a lock");
            let number = state.count;
            state.count += 1;
            let Some(exchange) = self.exchanges.get(number) else {
                let what = format!("one request is too many: {}", request.target);
                state.problems.push(what);
                return;
            };
            if let Err(problem) = compare(&request, &exchange["request"], &mut state.keys) {
                state.problems.push(problem);
                return;
            }
            &exchange["answer"]
        };
        // A client that left does not matter.
        _ = self.reply(&connection, expected);
        _ = connection.shutdown(Shutdown::Both);
    }

    /// Waits, at most until the test is over.
    fn wait(&self, time: Duration) {
        let over = self.over.lock().expect("a lock");
        _ = self.ended.wait_timeout_while(over, time, |over| !*over);
    }

    fn reply(&self, mut connection: &TcpStream, answer: &Value) -> std::io::Result<()> {
        if answer["hang"] == true {
            self.wait(HANG_MAX);
        }
        if answer["hang"] == true || answer["drop"] == true {
            return Ok(());
        }
        let status = answer["status"].as_u64().expect("a status");
        let none = Map::new();
        let headers = answer["headers"].as_object().unwrap_or(&none);
        let mut head = format!("HTTP/1.1 {status} Words\r\nconnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {}\r\n", value.as_str().expect("a header"));
        }
        let mut body = answer["text"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        if let Some(json) = answer.get("json") {
            body = json.to_string().into_bytes();
            if !headers.contains_key("content-type") {
                let kind = if status >= 400 {
                    "problem+json"
                } else {
                    "json"
                };
                head += &format!("content-type: application/{kind}\r\n");
            }
        }
        let cut = answer["cut"] == true;
        if let Some(pieces) = answer["pieces"].as_array() {
            head += "transfer-encoding: chunked\r\n";
            for piece in pieces {
                // One character for each byte.
                let text = piece.as_str().expect("a piece");
                let bytes: Vec<_> = text
                    .chars()
                    .map(|c| u8::try_from(c).expect("a byte"))
                    .collect();
                body.extend(format!("{:x}\r\n", bytes.len()).bytes());
                body.extend(bytes);
                body.extend(b"\r\n");
            }
            body.extend(if cut { &b""[..] } else { b"0\r\n\r\n" });
        } else if status != 204 {
            head += &format!("content-length: {}\r\n", body.len() + usize::from(cut));
        }
        connection.write_all(format!("{head}\r\n").as_bytes())?;
        let Some(pause) = answer["slow"].as_u64() else {
            return connection.write_all(&body);
        };
        for part in body.chunks(body.len().div_ceil(10)) {
            self.wait(Duration::from_millis(pause));
            connection.write_all(part)?;
        }
        Ok(())
    }
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(Ok(0), |length| length.parse());
    let mut body = vec![0; length.ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}

fn compare(
    request: &Request,
    expected: &Value,
    keys: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    same("method", &json!(request.method), &expected["method"])?;
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let parts = |path: &str| path.split('/').map(decoded).collect::<Vec<_>>();
    let wanted = expected["path"].as_str().expect("a path");
    same("path", &json!(parts(path)), &json!(parts(wanted)))?;
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').expect("a value"));
    let query = pairs.map(|(name, value)| (decoded(name), Value::from(decoded(value))));
    let query = Value::Object(query.collect());
    let none = json!({});
    let wanted = expected.get("query").unwrap_or(&none);
    same("query", &replaced(query, wanted, keys), wanted)?;
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        same(name, &json!(request.headers.get(name)), value)?;
    }
    for name in expected["absent"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        same(name, &json!(request.headers.get(name)), &Value::Null)?;
    }
    let Some(wanted) = expected.get("body") else {
        return same("body", &json!(request.body), &json!([]));
    };
    let body = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
    same("body", &replaced(body, wanted, keys), wanted)
}

/// The value, with patterns in the places of what they match.
fn replaced(value: Value, pattern: &Value, keys: &mut BTreeMap<String, String>) -> Value {
    match (value, pattern) {
        (Value::String(value), Value::String(pattern)) => text(value, pattern, keys).into(),
        (Value::Object(value), Value::Object(pattern)) => {
            let entries = value.into_iter().map(|(name, item)| {
                let item = match pattern.get(&name) {
                    Some(pattern) => replaced(item, pattern, keys),
                    None => item,
                };
                (name, item)
            });
            Value::Object(entries.collect())
        }
        (Value::Array(value), Value::Array(pattern)) if value.len() == pattern.len() => {
            let items = value.into_iter().zip(pattern);
            items
                .map(|(item, pattern)| replaced(item, pattern, keys))
                .collect()
        }
        (value, _) => value,
    }
}

fn text(value: String, pattern: &str, keys: &mut BTreeMap<String, String>) -> String {
    if pattern.starts_with("$key") {
        let is_key = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        let taken = keys
            .iter()
            .any(|(name, key)| name != pattern && *key == value);
        let known = keys
            .entry(pattern.to_owned())
            .or_insert_with(|| value.clone());
        if is_key && !taken && *known == value {
            return pattern.to_owned();
        }
    } else if let Some(range) = pattern.strip_prefix("$ms:") {
        let (least, most) = range.split_once('-').expect("a range");
        let [least, most] = [least, most].map(|text| text.parse::<u64>().expect("a number"));
        let ms = value
            .strip_suffix("ms")
            .and_then(|ms| ms.parse::<u64>().ok());
        if ms.is_some_and(|ms| (least..=most).contains(&ms)) {
            return pattern.to_owned();
        }
    }
    value
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next().into_iter().flat_map(str::bytes));
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn same(what: &str, actual: &Value, expected: &Value) -> Result<(), String> {
    match actual == expected {
        true => Ok(()),
        false => Err(format!("{what} is {actual}, not {expected}")),
    }
}
