//! What is wrong with something that was read.

use crate::id::CheckpointId;

/// What is wrong with something that was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("it was changed after it was written: its checksum does not match")]
    Changed,
    #[error("it is no JSON that was written here: {0}")]
    Json(serde_json::Error),
    #[error("there is nothing of the name `{0}`")]
    Unknown(String),
    #[error("its format is {found}, and this version of superstep reads up to {known}")]
    TooNew { found: u32, known: u32 },
    #[error("it was written by version {found} of the state, and this is version {known}")]
    NewerState { found: u32, known: u32 },
    #[error("it could not be made from version {from} into version {to}: {why}")]
    Migration { from: u32, to: u32, why: String },
    #[error("{found} fields have records, and it says that {expected} have")]
    Missing { found: usize, expected: usize },
    #[error("the record before that of checkpoint {at} is missing")]
    Gap { at: CheckpointId },
    #[error("{0}")]
    Value(String),
}
