//! JSON objects for responses.

use handoff_queue::Json;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

/// A JSON object whose fields keep their order, for human readers.
///
/// ```
/// let mut object = handoff_wire::JsonObject::default();
/// object.put("id", 7);
/// object.put_some("error", None::<&str>);
/// object.put("at", "now");
/// assert_eq!(object.to_string(), r#"{"id":7,"at":"now"}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonObject(Vec<(&'static str, Json)>);

impl JsonObject {
    /// Adds a field at the end.
    pub fn put(&mut self, name: &'static str, value: impl Serialize) {
        // All keys of maps are text here.
        self.0.push((name, Json::of(&value).unwrap_or_default()));
    }

    /// Adds a field if it has a value.
    pub fn put_some(&mut self, name: &'static str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Returns the object with one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.put(name, value);
        self
    }

    /// Returns a field, if it exists.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let field = self.0.iter().find(|(other, _)| *other == name);
        field.map(|(_, value)| value)
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Json::of(self).unwrap_or_default().as_str())
    }
}
