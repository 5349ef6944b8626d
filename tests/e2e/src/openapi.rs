//! Compares every answer of the API with its OpenAPI document, so that no answer is missing there.

use crate::{Reply, workspace};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::sync::{LazyLock, Mutex, PoisonError};

/// How much of a body a failed test shows, in characters.
const SHOWN: usize = 2_000;
const PROBLEM: &str = "application/problem+json";
const EVENTS: &str = "text/event-stream";
/// Another component, which the document leaves out.
const GATHER: &str = "gather";
/// What any answer may have: a body, its caching, and the connection.
const ANY_ANSWER: [&str; 6] = [
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "transfer-encoding",
];

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// The application of this repository. It has no other paths than the document and `/gather`.
    Own,
    /// Another application, which may have Handoff below any path.
    Other,
    /// No Handoff.
    Foreign,
}

/// A request whose answer is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub server: Server,
    pub method: &'a str,
    pub target: &'a str,
    /// Its body, if that is known.
    pub body: &'a [u8],
}

/// Fails the test if the document does not describe this answer.
#[track_caller]
pub(crate) fn check(asked: Asked<'_>, reply: &Reply) {
    if asked.server == Server::Foreign {
        return;
    }
    if let Err(difference) = DOCUMENT.compare(asked, reply) {
        let Asked { method, target, .. } = asked;
        let (status, text) = (reply.status, reply.text());
        let text: String = text.chars().take(SHOWN).collect();
        panic!(
            "src/api/openapi.json does not describe this answer to {method} {target}: {difference}\n{status} {:?}\n{text}",
            reply.headers
        );
    }
}

/// Fails the test if the document does not describe this event of a task.
#[track_caller]
pub(crate) fn check_event(name: &str, data: &Value) {
    if let Err(difference) = DOCUMENT.event(name, data) {
        panic!("src/api/openapi.json does not describe this event {name}: {difference}\n{data:#}");
    }
}

/// The result of a comparison, with the difference as its error.
type Compared = Result<(), String>;

/// A path of the document.
struct Found<'a> {
    item: &'a Value,
    /// Whether something comes before it.
    below: bool,
}

/// What was compared with so far.
#[derive(Default)]
struct Compiled {
    schemas: Schemas,
    /// By their address in the document.
    indices: HashMap<usize, SchemaIndex>,
}

struct Document {
    root: Value,
    compiled: Mutex<Compiled>,
}

impl Document {
    fn read() -> Self {
        let file = workspace("src/api/openapi.json");
        let text = fs::read_to_string(file).expect("the document");
        Self {
            root: serde_json::from_str(&text).expect("the document is JSON"),
            compiled: Mutex::default(),
        }
    }

    fn compare(&self, asked: Asked<'_>, reply: &Reply) -> Compared {
        let from_api = reply.header("cache-control") == Some("no-store");
        if reply.status < 200 || (reply.status >= 400 && !from_api) {
            // The host's own: it asks for the body, or refuses the request.
            return match reply.header("content-type") {
                Some(PROBLEM) => self.problem(asked, reply),
                _ => Ok(()),
            };
        }
        if (asked.method, reply.status) == ("OPTIONS", 204) {
            // Of a path, or a preflight's of CORS.
            let allows = ["allow", "access-control-allow-methods"];
            let allows = allows.iter().any(|name| reply.header(name).is_some());
            return allows.then_some(()).ok_or("no Allow".to_owned());
        }
        let path = segments(asked.target);
        let Some(Found { item, below }) = self.find(asked.server, &path) else {
            return match asked.server == Server::Own && path != [GATHER] {
                true => self.problem(asked, reply),
                false => Ok(()),
            };
        };
        let method = match asked.method {
            "HEAD" => "get".to_owned(),
            method => method.to_lowercase(),
        };
        let operation = &item[&method];
        let refuses_method = operation.is_null() || asked.method == "HEAD" && reply.status == 405;
        // Below a route that opens less than the application's paths.
        let is_closed = below && reply.status == 404 && reply.text().contains("problem:not-found");
        if refuses_method || is_closed {
            return match reply.status {
                405 if reply.header("allow").is_none() => Err("no Allow".to_owned()),
                _ => self.problem(asked, reply),
            };
        }
        if !from_api {
            return Err("it may be stored".to_owned());
        }
        let response = match operation["responses"].get(reply.status.to_string()) {
            Some(response) => self.resolved(response),
            // What is no HTTP is refused by the host.
            None if asked.server == Server::Other && reply.status == 400 => {
                return self.problem(asked, reply);
            }
            None => return Err("the status is not there".to_owned()),
        };
        self.headers(response, reply)?;
        self.content(asked, response, reply)?;
        self.request(asked, operation, reply)
    }

    /// Finds a path, in other applications also below a route.
    fn find(&self, server: Server, path: &[String]) -> Option<Found<'_>> {
        let routes = match server {
            Server::Own => 1,
            _ => path.len(),
        };
        (0..routes).find_map(|start| {
            let item = self.item(&path[start..])?;
            let below = start > 0;
            Some(Found { item, below })
        })
    }

    fn item(&self, path: &[String]) -> Option<&Value> {
        let fits = |template: &str| {
            let known: Vec<_> = template.split('/').skip(1).collect();
            let mut each = known.iter().zip(path);
            known.len() == path.len()
                && each.all(|(known, segment)| {
                    known == segment || known.starts_with('{') && !segment.is_empty()
                })
        };
        let mut paths = self.root["paths"].as_object()?.iter();
        let found = paths.find(|(template, _)| fits(template));
        found.map(|(_, item)| item)
    }

    /// What a reference leads to.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let to = value["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        to.map_or(value, |to| self.root.pointer(to).expect("a component"))
    }

    /// Every header is known, and none is missing.
    fn headers(&self, response: &Value, reply: &Reply) -> Compared {
        let known = response["headers"].as_object();
        let known = || known.into_iter().flatten();
        for (name, value) in &reply.headers {
            let (name, value) = (name.as_str(), value.to_str().unwrap_or_default());
            let is_cors =
                name.starts_with("access-control-") || (name, value) == ("vary", "Origin");
            if is_cors || ANY_ANSWER.contains(&name) {
                continue;
            }
            let header = known().find(|(other, _)| other.eq_ignore_ascii_case(name));
            let (_, header) = header.ok_or(format!("the header {name} is not there"))?;
            self.valid(&self.resolved(header)["schema"], &value.into())
                .map_err(|e| format!("the header {name}: {e}"))?;
        }
        for (name, header) in known() {
            if self.resolved(header)["required"] == true && reply.header(name).is_none() {
                return Err(format!("it has no header {name}"));
            }
        }
        Ok(())
    }

    fn content(&self, asked: Asked<'_>, response: &Value, reply: &Reply) -> Compared {
        let content = &response["content"];
        let Some(kind) = reply.header("content-type") else {
            return match content.is_null() && reply.body.is_empty() {
                true => Ok(()),
                false => Err("it has no content type".to_owned()),
            };
        };
        let media = content.get(kind).ok_or("the content type is not there")?;
        if let Some(example) = media.get("example") {
            self.valid(&media["schema"], example)
                .map_err(|e| format!("the example of the document: {e}"))?;
        }
        match kind {
            _ if asked.method == "HEAD" => Ok(()),
            EVENTS => reply.text().split("\n\n").try_for_each(|block| {
                let field = |name| block.lines().find_map(|line| line.strip_prefix(name));
                let (Some(name), Some(data)) = (field("event: "), field("data: ")) else {
                    return Ok(());
                };
                let data = serde_json::from_str(data).map_err(|e| e.to_string())?;
                self.event(name, &data)
            }),
            kind if !kind.ends_with("json") => self.valid(&media["schema"], &reply.text().into()),
            _ => match parsed(&reply.body) {
                Ok(body) => self.valid(&media["schema"], &body),
                // A task's own numbers, which are kept as they were written.
                Err(e) if e.starts_with("number out of range") => Ok(()),
                Err(e) => Err(e),
            },
        }
    }

    fn event(&self, name: &str, data: &Value) -> Compared {
        let answer = &self.root["paths"]["/v1/tasks/{id}"]["get"]["responses"]["200"];
        let schema = answer["content"][EVENTS]["x-events"].get(name);
        self.valid(schema.ok_or("the name is not there")?, data)
    }

    /// An error for a path or a method that is not in the document.
    fn problem(&self, asked: Asked<'_>, reply: &Reply) -> Compared {
        if reply.status < 400 || reply.header("content-type") != Some(PROBLEM) {
            return Err("the path or the method is not there, and this is no problem".to_owned());
        }
        if asked.method == "HEAD" {
            return Ok(());
        }
        let problem = parsed(&reply.body)?;
        if problem["status"] != reply.status {
            return Err("it has two statuses".to_owned());
        }
        self.valid(&self.root["components"]["schemas"]["Problem"], &problem)
    }

    /// Whatever the API accepts must be in the document, too.
    fn request(&self, asked: Asked<'_>, operation: &Value, reply: &Reply) -> Compared {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body = asked.body.strip_prefix(b"\xef\xbb\xbf");
        let Ok(body) = parsed(body.unwrap_or(asked.body)) else {
            return Ok(());
        };
        // A batch is accepted with items that are not.
        let entries = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
        let refuses = |entry: &Value| entry["error"]["type"].is_string();
        let refused = entries["tasks"]
            .as_array()
            .is_some_and(|all| all.iter().any(refuses));
        if schema.is_null() || reply.status >= 300 || refused {
            return Ok(());
        }
        let valid = self.valid(schema, &body);
        valid.map_err(|e| format!("the accepted body {body}: {e}"))
    }

    fn valid(&self, schema: &Value, value: &Value) -> Compared {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let Compiled { schemas, indices } = &mut *compiled;
        let address = std::ptr::from_ref(schema).addr();
        let index = *indices.entry(address).or_insert_with(|| {
            let url = format!("http://localhost/{address}");
            let components = &self.root["components"];
            let rooted = json!({"allOf": [schema], "components": components});
            let mut compiler = Compiler::new();
            compiler.add_resource(&url, rooted).expect("a new URL");
            let index = compiler.compile(&url, schemas);
            index.unwrap_or_else(|e| panic!("{schema}: {e:#}"))
        });
        let valid = schemas.validate(value, index);
        valid.map_err(|e| format!("{e:#}"))
    }
}

fn parsed(json: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(json).map_err(|e| e.to_string())
}

/// The decoded segments of a target's path.
fn segments(target: &str) -> Vec<String> {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let path = match target.strip_prefix("http://") {
        Some(absolute) => absolute.split_once('/').map_or("", |(_, path)| path),
        None => target.strip_prefix('/').unwrap_or(target),
    };
    path.split('/').map(decoded).collect()
}

fn decoded(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).map(|hex| u8::from_str_radix(hex, 16));
        match byte {
            Some(Ok(byte)) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            _ => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
