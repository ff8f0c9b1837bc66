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

pub(crate) fn attribute(arguments: TokenStream, function: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match syn::parse2::<ItemFn>(function.clone()) {
        Ok(function) => function,
        Err(error) => {
            match syn::parse2::<syn::Item>(function.clone()) {
                Ok(_) => errors.at(function, "`#[tool]` goes on a function"),
                Err(_) => errors.push(error),
            }
            let errors = errors.finish();
            return quote::quote!(#function #errors);
        }
    };
    let settings = attributes::read(arguments, &mut errors);
    let model = model::read(function, settings, &mut errors);
    let code = expand::expand(&model);
    let errors = errors.finish();
    quote::quote!(#code #errors)
}
