//! Where a text belongs.

use std::fmt;

use superstep_core::{CheckpointId, CheckpointRecord, EntryRecord, FieldRecord};

/// A text's place in its thread, with all that is told of it beside the text.
pub(super) enum Place<'a> {
    Body(&'a CheckpointRecord),
    Field(&'a FieldRecord),
    Entry(CheckpointId, &'a EntryRecord),
}

impl Place<'_> {
    /// Place, key and origin as bytes; what differs is not the same bytes.
    pub(super) fn bound(&self, key: &str, origin: &[u8; 16]) -> Vec<u8> {
        let mut bytes = Bound(b"superstep 1".to_vec());
        bytes.text(key);
        bytes.0.extend_from_slice(origin);
        match self {
            Self::Body(record) => {
                bytes.text("body");
                bytes.id(Some(record.id));
                bytes.id(record.parent);
                bytes.id(Some(record.line));
                bytes.number(record.step);
                bytes.text(record.source.as_str());
                bytes.number(record.created_at.cast_unsigned());
            }
            Self::Field(record) => {
                bytes.text("field");
                bytes.text(&record.field);
                bytes.id(Some(record.checkpoint));
                bytes.id(record.previous);
                bytes.text(record.kind.as_str());
            }
            Self::Entry(checkpoint, record) => {
                bytes.text("entry");
                bytes.id(Some(*checkpoint));
                bytes.text(&record.task);
                bytes.text(&record.key);
            }
        }
        bytes.0
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(record) => write!(f, "checkpoint {}", record.id),
            Self::Field(record) => {
                write!(
                    f,
                    "field `{}` of checkpoint {}",
                    record.field, record.checkpoint
                )
            }
            Self::Entry(checkpoint, record) => {
                let EntryRecord { task, key, .. } = record;
                write!(f, "entry `{key}` of `{task}` of checkpoint {checkpoint}")
            }
        }
    }
}

struct Bound(Vec<u8>);

impl Bound {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn id(&mut self, id: Option<CheckpointId>) {
        self.number(id.map_or(0, CheckpointId::number));
    }

    /// Text, and how long it is: what follows cannot be taken for its end.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }
}
