//! `GET /openapi.json`: describes this API. The document is `openapi.json` beside `Cargo.toml`, kept
//! by hand; `build.rs` packs it.

use handoff_platform::http::Response;
use miniz_oxide::inflate::decompress_to_vec;
use serde_json::Value as Json;

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi"));

/// The document's server, where nothing comes before the paths.
const ROOT: &str = r#""url": "/""#;

/// Answers with the document. `base` is what comes before its paths.
pub(crate) fn document(base: &str) -> Response {
    Response::of(200, "application/json", described(base))
}

fn described(base: &str) -> String {
    // The build packed it, so that this can't fail.
    let packed = decompress_to_vec(PACKED).unwrap_or_default();
    let document = String::from_utf8(packed).unwrap_or_default();
    match base {
        "" => document,
        base => document.replacen(ROOT, &format!("\"url\": {}", Json::from(base)), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;
    use serde_json::{Map, Value, json};
    use std::collections::BTreeSet;

    fn document() -> Value {
        serde_json::from_str(&described("")).expect("the document is JSON")
    }

    fn object<'a>(document: &'a Value, pointer: &str) -> &'a Map<String, Value> {
        let object = document.pointer(pointer).and_then(Value::as_object);
        object.unwrap_or_else(|| panic!("{pointer} is no object"))
    }

    /// A path as `routes` writes it.
    fn template(path: &str) -> String {
        let segments = path.split('/').map(|segment| match segment {
            name if name.starts_with('{') => "{}",
            fixed => fixed,
        });
        segments.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn it_has_every_route_with_its_scope_and_nothing_else() {
        let document = document();
        let mut found = BTreeSet::new();
        for (path, item) in object(&document, "/paths") {
            let item = item.as_object().expect("a path item");
            for (method, operation) in item.iter().filter(|(name, _)| *name != "parameters") {
                let security = operation["security"].to_string();
                found.insert(format!("{method} {} {security}", template(path)));
            }
        }
        let known = routes::all().map(|(method, path, scope)| {
            let security = match scope {
                Some(scope) => json!([{}, {"token": [scope.name()]}]),
                None => json!([]),
            };
            format!("{} {path} {security}", method.to_lowercase())
        });
        assert_eq!(found, known.collect());
    }

    #[test]
    fn its_server_is_where_the_application_is() {
        for (base, url) in [("", "/"), ("/jobs/handoff", "/jobs/handoff")] {
            let document: Value = serde_json::from_str(&described(base)).expect(base);
            let servers = document["servers"].as_array().expect("a list");
            let urls: Vec<_> = servers.iter().map(|server| &server["url"]).collect();
            assert_eq!(urls, [url]);
        }
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(to) if name == "$ref" => _ = found.insert(to.clone()),
                        _ => references(value, found),
                    }
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_component_is_used_and_every_reference_leads_to_one() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let mut components = BTreeSet::new();
        for kind in ["schemas", "responses", "parameters", "headers"] {
            let named = object(&document, &format!("/components/{kind}")).keys();
            components.extend(named.map(|name| format!("#/components/{kind}/{name}")));
        }
        assert_eq!(found, components);
    }

    #[test]
    fn it_has_its_version_and_names_of_operations() {
        let document = document();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let items = object(&document, "/paths").values();
        let operations = items.flat_map(|item| item.as_object().into_iter().flatten());
        let names = operations.filter_map(|(_, operation)| operation["operationId"].as_str());
        let names: Vec<_> = names.collect();
        assert_eq!(names.len(), routes::all().count());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
