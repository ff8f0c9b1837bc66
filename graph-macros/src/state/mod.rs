//! `#[derive(State)]`.

mod attributes;
mod check;
mod expand;
mod model;
mod serde;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let model = model::read(input, &mut errors);
    check::check(&model, &mut errors);
    let code = expand::expand(&model);
    let errors = errors.finish();
    quote::quote!(#code #errors)
}
