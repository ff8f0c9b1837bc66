//! What a graph works on: a state struct, its update type and its schema.
//!
//! `#[derive(State)]` writes the implementations; everything it writes can be
//! written by hand with what is public here.

mod field;
mod in_order;
mod into_update;
mod pick;
mod reducer;
mod schema;
mod slot;
mod wire;

#[cfg(feature = "schema")]
mod json_schema;

pub use field::{FieldUpdate, WriteKind};
pub(crate) use in_order::{in_order, in_order_of};
pub use into_update::{IntoUpdate, Items};
#[cfg(feature = "schema")]
pub use json_schema::json_schema;
pub(crate) use pick::pick;
pub use reducer::{All, Any, Append, Data, Last, Max, Merge, Min, Reducer, Replace, Sum};
pub use schema::{FieldSchema, Schema};
pub use slot::{Fit, Misfit, Slot, Slotted, check_data, check_reducer, default_state};
pub use wire::{UpdateKeys, debug_update, deserialize_update};

use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of a graph: what its nodes read, and what their updates change.
///
/// Derive it. The derive also writes the update type, named after the state
/// (`Research` has `ResearchUpdate`), `Research::update()`, which makes an
/// empty one, one builder method for each field, and `overwrite_FIELD`, which
/// sets a field past its reducer.
///
/// A run starts from [`Default`], to which its input is applied.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Research {
///     topic: String,
///     /// What was found, in task order.
///     #[reduce(Append)]
///     findings: Vec<String>,
/// }
///
/// let update = Research::update().topic("space").findings(["one", "two"]);
/// assert_eq!(
///     serde_json::to_string(&update).unwrap(),
///     r#"{"topic":"space","findings":["one","two"]}"#,
/// );
/// assert_eq!(Research::schema().field("findings").unwrap().reducer, "Append");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a graph",
    label = "no schema is derived for this type",
    note = "add `#[derive(State)]` to the struct, beside `Clone, Default, Serialize, Deserialize`"
)]
pub trait State: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a node returns: every field optional.
    type Update: Update<State = Self>;

    /// The version of the state's shape, which checkpoints carry: from 1, one
    /// more with each change that serde alone cannot follow.
    const VERSION: u32 = 1;

    /// The fields, in the order of declaration.
    fn schema() -> &'static Schema;

    /// Turns fields as version `from` had them into those of version `from + 1`.
    ///
    /// Called once for each version from that of a checkpoint up to
    /// [`VERSION`](Self::VERSION), with the fields by the names under which they
    /// were written. It is called, too, for the updates of tasks that had
    /// finished in a superstep that has not: `fields` are then some of them
    /// only, so that what is not there must be no error. Nothing is written
    /// until the thread goes on.
    ///
    /// # Errors
    ///
    /// When fields cannot be turned into what they have become; whoever reads
    /// the thread then gets that error.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::Fields;
    ///
    /// /// Version 1 had a `name` in one piece.
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// #[state(version = 2, migrate = migrate)]
    /// struct Person {
    ///     first: String,
    ///     last: String,
    /// }
    ///
    /// fn migrate(from: u32, fields: &mut Fields) -> Result<(), &'static str> {
    ///     if from == 1
    ///         && let Some(name) = fields.remove("name")
    ///     {
    ///         let name = name.as_str().ok_or("a name is text")?;
    ///         let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    ///         fields.insert("first".into(), first.into());
    ///         fields.insert("last".into(), last.into());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let mut fields = Fields::new();
    /// fields.insert("name".into(), "Ada Lovelace".into());
    /// Person::migrate(1, &mut fields).unwrap();
    /// assert_eq!(fields["last"], "Lovelace");
    /// ```
    fn migrate(from: u32, fields: &mut Fields) -> Result<(), Box<dyn Error + Send + Sync>> {
        let _ = (from, fields);
        Ok(())
    }
}

/// The fields of a state by their names, each as JSON.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// A set of writes to a state's fields, made by one task.
///
/// Written by `#[derive(State)]`. As JSON it holds the fields that are set and
/// no others; `overwrite_FIELD` stands for a field that is set past its
/// reducer, and `each_FIELD` for one that was written several times. Unknown
/// keys are refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an update of a graph's state",
    label = "not an update",
    note = "start from `YourState::update()` and set the fields that change"
)]
pub trait Update: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The state that this changes. That it is one is said by
    /// [`State::Update`], and not here again: a state that lacks a derive is
    /// then one error.
    type State;

    /// Calls `visit` with the index (in [`Schema::fields`]) and the kind of
    /// each write, in the order of the fields.
    fn writes(&self, visit: &mut dyn FnMut(usize, WriteKind));

    /// Takes the writes out of `self` and applies them to `state`, field by
    /// field in order. Before each field that is written, `at` is set to its
    /// index, so that a reducer's panic can be blamed on a field.
    fn apply(&mut self, state: &mut Self::State, at: &mut usize);

    /// Adds what `later` writes, as if it had been written after this: applying
    /// the sum does what applying both in turn would.
    fn extend(&mut self, later: Self);

    /// An update that gives the fields that `self` writes the values they have
    /// in `state` now, once `self` and nothing else is applied to it. What it
    /// is made of may not be serialisable.
    #[must_use]
    fn undo(&self, state: &Self::State) -> Self;

    /// Gives the ephemeral field with this index its value in the state's
    /// [`Default`].
    fn reset(state: &mut Self::State, field: usize);
}
