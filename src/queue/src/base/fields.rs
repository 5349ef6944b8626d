//! The fields of a JSON object, as they are written.

use serde::de::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;
use std::fmt;

/// Reads the fields of an object in their order, with repeated names. Their values stay text.
///
/// # Errors
/// If it is no object, or a name can't be read.
pub fn object_fields(json: &RawValue) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    struct Reader;

    impl<'de> Visitor<'de> for Reader {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }

    serde_json::Deserializer::from_str(json.get()).deserialize_map(Reader)
}
