//! The derives of superstep; see there for what they do.
//!
//! Each goes through the same steps: attributes (syntax), model (meaning),
//! check (rules about more than one part), expand (tokens). Mistakes are
//! collected, and code is written for bad input too, so that one mistake is
//! one error.

mod errors;
mod route;
mod state;

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
