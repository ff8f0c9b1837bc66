//! Pictures, sound and documents in messages.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A picture, a piece of sound or a document.
///
/// Cloning it copies no data. As JSON, data is base64, so a state that holds
/// much of it makes for large checkpoints: prefer URLs or ids there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Media {
    /// Where it is.
    pub source: MediaSource,
    /// Its type, such as `image/png`; of what is found by a URL it may be
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The name of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a piece of media is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// The provider fetches it from there.
    Url(String),
    /// It is this.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    Data(Arc<[u8]>),
    /// The provider has it, under that id.
    Id(String),
}

impl Media {
    fn of(source: MediaSource) -> Self {
        Self {
            source,
            mime: None,
            name: None,
        }
    }

    /// What is found there.
    pub fn url(url: impl Into<String>) -> Self {
        Self::of(MediaSource::Url(url.into()))
    }

    /// Data of that type, such as `image/png`.
    pub fn data(mime: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        Self {
            mime: Some(mime.into()),
            ..Self::of(MediaSource::Data(data.into()))
        }
    }

    /// What the provider has under that id.
    pub fn id(id: impl Into<String>) -> Self {
        Self::of(MediaSource::Id(id.into()))
    }

    /// The same, with the name of its file.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its data as base64, if it is here.
    #[must_use]
    pub fn to_base64(&self) -> Option<String> {
        match &self.source {
            MediaSource::Data(data) => Some(STANDARD.encode(data)),
            MediaSource::Url(_) | MediaSource::Id(_) => None,
        }
    }
}

/// Data is shown by its length.
impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
        }
    }
}

fn write<S: Serializer>(data: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let data = STANDARD.decode(text).map_err(D::Error::custom)?;
    Ok(data.into())
}
