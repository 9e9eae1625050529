//! Deserialisers that accept what a release may plausibly send instead of the documented shape.
//!
//! A field that is `null`, missing or of another type must not cost us the whole message: without its `result` a
//! turn would never end.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

/// `null` and what has another shape count as missing.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A uuid, or nothing where the text is not one.
pub(super) fn uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(|text| text.parse().ok()))
}

/// Every uuid in a list; what is not one is left out.
pub(super) fn uuids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Uuid>, D::Error> {
    let values: Vec<Value> = or_default(deserializer)?;
    Ok(values.iter().filter_map(Value::as_str).filter_map(|text| text.parse().ok()).collect())
}

/// A count or a time: whole or not; negative and what is no number are 0.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(maybe_count(deserializer)?.unwrap_or_default())
}

/// As [`count`], where missing means something else than 0.
pub(super) fn maybe_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_f64().map(|number| number as u64))
}
