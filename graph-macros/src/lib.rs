//! The macros of superstep; see there for what they do.
//!
//! Each goes through the same steps: attributes (syntax), model (meaning),
//! check (rules about more than one part), expand (tokens). Mistakes are
//! collected, and code is written for bad input too, so that one mistake is
//! one error.

mod errors;
mod route;
mod state;
mod tool;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct with named fields the state of a graph.
///
/// Writes, beside the implementation of `State`: the update type, named after
/// the struct (`Research` has `ResearchUpdate`), `update()`, which makes an
/// empty one, `schema()`, one builder method for each field, and
/// `overwrite_FIELD`, which sets a field past its reducer.
///
/// - `#[reduce(R)]` on a field merges its writes with `R`, a type that
///   implements `Reducer` of the field's type; `Replace` without it.
/// - `#[state(ephemeral)]` on a field gives it its default again after a
///   superstep that did not write it.
#[proc_macro_derive(State, attributes(reduce, state))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    state::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes an enum of unit variants a set of places to go to.
///
/// `#[route("name")]` on a variant names a node, `#[route(END)]` ends the path.
#[proc_macro_derive(Route, attributes(route))]
pub fn derive_route(input: TokenStream) -> TokenStream {
    route::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes an async function a tool that a language model can ask to be called.
///
/// The function stays, and its name is the tool: `Toolbox::new().add(look_up)`, or
/// `tool(look_up)` to put policies on it. Its doc comment is what the model is
/// told of it, without lines such as ``* `word` - the word``, which say something
/// of an argument; a doc comment on the argument itself does so, too.
///
/// - A `ToolCtx<C>` gives the graph's context and says which call it is; a `View<S>`
///   the graph's state. All other parameters are arguments, of types that are
///   `Deserialize` and `schemars::JsonSchema`: the model is told their schemas. An
///   `Option` may be left out, and `#[serde(default)]` gives what else may be.
/// - It returns what is `Serialize`, or a `Result` of that and any error that makes
///   a `ToolError`.
/// - `name = "…"` and `description = "…"` replace what the function says.
/// - `timeout = "5s"` and `approve` are as `Tool::timeout` and `Tool::approve`.
/// - `blocking` is for a function that is not async: it runs on the runtime's pool of
///   threads. Whoever calls it awaits it.
#[proc_macro_attribute]
pub fn tool(arguments: TokenStream, function: TokenStream) -> TokenStream {
    tool::attribute(arguments.into(), &function.into()).into()
}
