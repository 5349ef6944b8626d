//! The reference of the API, made of the description that the API gives of itself.

use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::page::{Page, html};
use askama::Template;
use serde_json::{Map, Value};

/// References in a document may lead to others, and not in a circle for long.
const REFERENCES_MAX: usize = 8;

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    page: Page,
    version: String,
    description: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

struct Group {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    scope: String,
    summary: String,
    description: String,
    parameters: Vec<Field>,
    body: Option<Kind>,
    answers: Vec<Field>,
    examples: Vec<String>,
}

/// A parameter, a field of an object, or an answer by its status.
struct Field {
    name: String,
    place: String,
    kind: Kind,
    description: String,
    is_required: bool,
}

struct Schema {
    name: String,
    kind: Kind,
    description: String,
    fields: Vec<Field>,
}

/// A type in words, and the schema that says more.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kind {
    words: String,
    schema: Option<String>,
}

/// The name of the schema that a reference leads to.
fn schema_name(value: &Value) -> Option<&str> {
    value["$ref"]
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

impl Kind {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema_name(schema) {
            return Self {
                words: name.to_owned(),
                schema: Some(name.to_owned()),
            };
        }
        Self {
            words: words(schema, 0),
            schema: schema_name(&schema["items"]).map(str::to_owned),
        }
    }
}

fn words(schema: &Value, depth: usize) -> String {
    if let Some(name) = schema_name(schema) {
        return name.to_owned();
    }
    if depth > REFERENCES_MAX {
        return String::new();
    }
    let all = |schemas: &[Value], between: &str| {
        let words = schemas.iter().map(|schema| words(schema, depth + 1));
        words.collect::<Vec<_>>().join(between)
    };
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().map(Value::to_string);
        return values.collect::<Vec<_>>().join(", ");
    }
    for (name, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        if let Some(schemas) = schema[name].as_array() {
            return all(schemas, between);
        }
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => {
            format!("array of {}", words(&schema["items"], depth + 1))
        }
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => "any JSON".to_owned(),
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A description of the API.
struct Document(Value);

impl Document {
    /// What a reference leads to, or the value itself.
    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..REFERENCES_MAX {
            let Some(place) = value["$ref"].as_str() else {
                break;
            };
            let found = place
                .strip_prefix('#')
                .and_then(|place| self.0.pointer(place));
            value = found.unwrap_or(&Value::Null);
        }
        value
    }

    fn field(&self, name: &str, schema: &Value, is_required: bool) -> Field {
        let own = text(schema, "description");
        Field {
            name: name.to_owned(),
            place: String::new(),
            kind: Kind::of(schema),
            description: match own.as_str() {
                "" => text(self.resolve(schema), "description"),
                _ => own,
            },
            is_required,
        }
    }

    fn fields(&self, schema: &Value) -> Vec<Field> {
        let required = list(schema, "required");
        let fields = object(&schema["properties"]);
        let fields = fields.map(|(name, field)| {
            let is_required = required.iter().any(|other| other == name.as_str());
            self.field(name, field, is_required)
        });
        fields.collect()
    }

    fn parameter(&self, parameter: &Value) -> Field {
        let parameter = self.resolve(parameter);
        Field {
            name: text(parameter, "name"),
            place: text(parameter, "in"),
            kind: Kind::of(&parameter["schema"]),
            description: text(parameter, "description"),
            is_required: parameter["required"] == true,
        }
    }

    fn answer(&self, status: &str, answer: &Value) -> Field {
        let answer = self.resolve(answer);
        let content = object(&answer["content"]).next();
        Field {
            name: status.to_owned(),
            place: content.map(|(kind, _)| kind.clone()).unwrap_or_default(),
            kind: content
                .map(|(_, media)| Kind::of(&media["schema"]))
                .unwrap_or_default(),
            description: text(answer, "description"),
            is_required: false,
        }
    }

    fn operation(&self, path: &str, item: &Value, method: &str, with_token: bool) -> Operation {
        let operation = &item[method];
        let method = method.to_ascii_uppercase();
        let parameters = list(item, "parameters").iter();
        let parameters = parameters.chain(list(operation, "parameters"));
        let security = list(operation, "security")
            .iter()
            .flat_map(|way| list(way, "token"));
        let scopes: Vec<_> = security.filter_map(Value::as_str).collect();
        let media = &self.resolve(&operation["requestBody"])["content"]["application/json"];
        let bodies = object(&media["examples"]).map(|(_, example)| &self.resolve(example)["value"]);
        let mut bodies: Vec<_> = bodies.chain(media.get("example")).map(Some).collect();
        if bodies.is_empty() {
            bodies.push(None);
        }
        let answers = object(&operation["responses"]);
        Operation {
            id: text(operation, "operationId"),
            path: path.to_owned(),
            scope: scopes.join(" "),
            summary: text(operation, "summary"),
            description: text(operation, "description"),
            parameters: parameters
                .map(|parameter| self.parameter(parameter))
                .collect(),
            body: media.get("schema").map(Kind::of),
            answers: answers
                .map(|(status, answer)| self.answer(status, answer))
                .collect(),
            examples: bodies
                .into_iter()
                .map(|body| example(&method, path, body, with_token && !scopes.is_empty()))
                .collect(),
            method,
        }
    }

    /// All operations, by their tags.
    fn groups(&self, with_token: bool) -> Vec<Group> {
        const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
        let groups = list(&self.0, "tags").iter().map(|tag| {
            let tag = text(tag, "name");
            let mut operations = Vec::new();
            for (path, item) in object(&self.0["paths"]) {
                let methods = METHODS.iter().filter(|method| {
                    list(&item[**method], "tags")
                        .iter()
                        .any(|other| other == tag.as_str())
                });
                operations
                    .extend(methods.map(|method| self.operation(path, item, method, with_token)));
            }
            Group {
                name: tag,
                operations,
            }
        });
        groups
            .filter(|group| !group.operations.is_empty())
            .collect()
    }

    fn schemas(&self) -> Vec<Schema> {
        let schemas = object(&self.0["components"]["schemas"]);
        let schemas = schemas.map(|(name, schema)| Schema {
            name: name.clone(),
            kind: Kind::of(schema),
            description: text(schema, "description"),
            fields: self.fields(schema),
        });
        schemas.collect()
    }
}

/// A command that makes a call. Names in braces are to be filled in.
fn example(method: &str, path: &str, body: Option<&Value>, with_token: bool) -> String {
    let method = match method {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        _ => "DELETE",
    };
    let mut curl = Curl::new("", method, path);
    curl.with_token = with_token;
    match body {
        Some(body) => curl.body(body.to_string()).command(),
        None => curl.command(),
    }
}

fn page_of(context: &Context, document: Document) -> DocsPage {
    let page = Page::new(context, "API").curl(Curl::new("This document", "GET", "/openapi.json"));
    let info = &document.0["info"];
    DocsPage {
        version: text(info, "version"),
        description: text(info, "description"),
        groups: document.groups(page.signed_in),
        schemas: document.schemas(),
        page,
    }
}

pub(crate) async fn show(context: &Context) -> Result<Answer, Failure> {
    let document = context.api.get("/openapi.json").await?;
    html(200, &page_of(context, Document(document)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_description_becomes_a_page() {
        let document = json!({
            "info": {"version": "1.2.3"},
            "tags": [{"name": "tasks"}, {"name": "nothing"}],
            "paths": {"/v1/tasks/{id}": {
                "parameters": [{"$ref": "#/components/parameters/Id"}],
                "put": {
                    "operationId": "put", "tags": ["tasks"], "summary": "<b>Puts</b>",
                    "security": [{}, {"token": ["operate"]}],
                    "requestBody": {"content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/Task"}, "example": {"a": "it's"},
                    }}},
                    "responses": {"404": {"$ref": "#/components/responses/None"}},
                },
            }},
            "components": {
                "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
                "responses": {"None": {"description": "There is none.", "content": {"application/problem+json": {"schema": {"type": "object"}}}}},
                "schemas": {"Task": {"type": "object", "required": ["a"], "properties": {
                    "a": {"type": ["string", "null"], "description": "A `name`."},
                    "next": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
                }}},
            },
        });
        let page = page_of(&Context::default(), Document(document));
        assert_eq!(page.groups.len(), 1);
        let page = page.render().expect("a page");
        for part in [
            "1.2.3",
            "id=\"put\"",
            "operate",
            "There is none.",
            "href=\"#schema-Task\"",
            "array of Task",
            "string or null",
            "A <code>name</code>.",
            "-X PUT",
            "it&#39;\\&#39;&#39;s",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn a_broken_description_is_no_fault() {
        let circle = json!({"$ref": "#/components/schemas/A"});
        for document in [
            json!(null),
            json!([]),
            json!({"tags": 1, "paths": [1], "components": {"schemas": {"A": circle, "B": 1}}}),
            json!({"tags": [{"name": "t"}], "paths": {"/": {"get": {"tags": ["t"], "responses": {"200": circle}}}}}),
        ] {
            let page = page_of(&Context::default(), Document(document));
            assert!(page.render().is_ok());
        }
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({"oneOf": [deep]});
        }
        assert_eq!(words(&deep, 0), "");
    }
}
