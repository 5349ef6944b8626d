//! JSON that stays as it was written.

use std::fmt;
use std::ops::Deref;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::HandoffError;

/// Any JSON, as it was written: numbers of any size stay exact.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of a value.
    ///
    /// # Errors
    /// The value has no JSON, such as a map whose keys are no text.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, HandoffError> {
        let raw = serde_json::value::to_raw_value(value);
        let raw = raw.map_err(|e| HandoffError::invalid(format!("a value has no JSON: {e}")))?;
        Ok(Self(raw))
    }

    /// JSON that is text already.
    ///
    /// # Errors
    /// The text is not JSON. The message says where.
    pub fn from_text(text: &str) -> Result<Self, HandoffError> {
        let json = serde_json::from_str(text);
        json.map_err(|e| HandoffError::invalid(format!("this is not JSON: {e}")))
    }

    /// `null`.
    #[must_use]
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Reads it as a type of yours.
    ///
    /// # Errors
    /// It does not fit. The message says where.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, HandoffError> {
        let value = serde_json::from_str(self.text());
        value.map_err(|e| HandoffError::other(format!("the JSON does not fit: {e}")))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// An object as the API shows it: its known fields, and all of its JSON.
#[derive(Clone)]
pub struct Shown<T> {
    json: Json,
    known: T,
}

impl<T> Shown<T> {
    /// The JSON that the API sent.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// The known fields alone.
    pub fn into_known(self) -> T {
        self.known
    }
}

impl<T> Deref for Shown<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<T> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json.fmt(f)
    }
}

impl<T> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Shown<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let known = serde_json::from_str(json.text()).map_err(D::Error::custom)?;
        Ok(Self { json, known })
    }
}
