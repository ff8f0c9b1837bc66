//! `#[tool]`.
//!
//! The function stays, with its body in a function inside of it, and returns a
//! future whose type says what a model is told of it.

mod attributes;
mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::ItemFn;

use crate::errors::Errors;

pub(crate) fn attribute(arguments: TokenStream, function: ItemFn) -> TokenStream {
    let mut errors = Errors::default();
    let settings = attributes::read(arguments, &mut errors);
    let model = model::read(function, settings, &mut errors);
    let code = expand::expand(&model);
    let errors = errors.finish();
    quote::quote!(#code #errors)
}
