//! What a tool returns, as the text that the model reads.

use std::any::Any;

use serde::Serialize;

use super::ToolError;

/// What a model reads of a call that returns nothing.
const NOTHING: &str = "done";

/// What a tool can return: whatever is `Serialize`. Text is told as it is, `()`
/// as `done`, everything else as JSON.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "not `serde::Serialize`, so that no model can be told of it",
    note = "derive `serde::Serialize` for `{Self}`, or return a text"
)]
pub trait ToolOutput {
    /// The text.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    fn into_text(self) -> Result<String, ToolError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static> ToolOutput for T {
    fn into_text(self) -> Result<String, ToolError> {
        if (&self as &dyn Any).is::<()>() {
            return Ok(NOTHING.to_owned());
        }
        let json = serde_json::to_string(&self).map_err(|error| {
            let why = format!("what it returned cannot be written as JSON: {error}");
            ToolError::fatal(why)
        })?;
        // The fields of an object stay in the order in which its type has them.
        Ok(match json.starts_with('"') {
            true => serde_json::from_str(&json).unwrap_or(json),
            false => json,
        })
    }
}

/// For generated code, which has a value and does not know whether its type is
/// a `Result`: `(&value).of_what().text(value)`. Of the two traits below, this
/// one's method takes fewer references.
#[doc(hidden)]
pub trait OfResult {
    fn of_what(&self) -> ResultText {
        ResultText
    }
}

#[doc(hidden)]
pub trait OfAnything {
    fn of_what(&self) -> AnyText {
        AnyText
    }
}

impl<T, E> OfResult for Result<T, E> {}

impl<T> OfAnything for &T {}

#[doc(hidden)]
#[derive(Debug)]
pub struct ResultText;

#[doc(hidden)]
#[derive(Debug)]
pub struct AnyText;

impl ResultText {
    /// The text of what was returned, or the error.
    pub fn text<T: ToolOutput, E: Into<ToolError>>(
        self,
        value: Result<T, E>,
    ) -> Result<String, ToolError> {
        value.map_err(E::into)?.into_text()
    }
}

impl AnyText {
    /// The text.
    pub fn text<T: ToolOutput>(self, value: T) -> Result<String, ToolError> {
        value.into_text()
    }
}
