//! Calls that somebody has to agree to before they happen.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What somebody answers who is asked whether a call may happen; see
/// [`Tool::approve`](super::Tool::approve).
///
/// # Examples
///
/// As JSON, for answers that come from elsewhere:
///
/// ```
/// use superstep::Approval;
///
/// assert_eq!(serde_json::to_string(&Approval::Yes)?, r#""yes""#);
/// let no: Approval = serde_json::from_str(r#"{"no": "too expensive"}"#)?;
/// assert_eq!(no, Approval::No("too expensive".into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It happens.
    Yes,
    /// It does not, for that reason, which the model is told.
    No(String),
    /// It happens with other arguments, all of them. If they do not fit the tool,
    /// the question is asked again.
    Edit(Value),
}

/// What somebody is shown who is asked whether a call may happen: the value of
/// the [`Interrupt`](superstep_core::Interrupt).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The call's id.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// Its arguments, which fit the tool.
    pub arguments: Value,
    /// Why arguments do not fit that were answered before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
