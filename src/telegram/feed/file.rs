//! Files that the agent sends: the one place that knows how an event holds one.

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::Detail;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Sent {
    pub(super) path: PathBuf,
    pub(super) name: String,
    #[serde(default)]
    pub(super) caption: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Shape {
    File(Sent),
}

pub(super) fn of(detail: &Detail) -> Option<Sent> {
    // Cheap enough for what is rare: replies and tools, which are neither, do not come here.
    let Shape::File(sent) = serde_json::to_value(detail).and_then(serde_json::from_value).ok()?;
    Some(sent)
}
