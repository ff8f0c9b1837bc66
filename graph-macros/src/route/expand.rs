//! The code of a derived route.

use proc_macro2::TokenStream;
use quote::quote;

use super::attributes::Target;
use super::model::Model;

pub(super) fn expand(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let (generics, arguments, bounds) = model.generics.split_for_impl();
    let targets: Vec<_> = model
        .variants
        .iter()
        .map(|(_, target)| target_code(target))
        .collect();
    let variants = model.variants.iter().map(|(variant, _)| variant);
    let indices = 0..model.variants.len();
    // The pattern takes what variants hold by mistake, too.
    let index = match model.is_enum {
        true => quote!(match *self { #(Self::#variants { .. } => #indices,)* }),
        false => quote!(0),
    };
    quote! {
        impl #generics ::superstep::__private::Route for #name #arguments #bounds {
            const TARGETS: &'static [&'static str] = &[#(#targets),*];

            fn index(&self) -> usize {
                #index
            }
        }
    }
}

/// A stand-in where the target could not be read.
fn target_code(target: &Option<Target>) -> TokenStream {
    match target {
        Some(Target::Name(name)) => quote!(#name),
        Some(Target::Constant(path)) => quote!(#path),
        None => quote!(""),
    }
}
