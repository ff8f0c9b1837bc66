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
    // The pattern takes what variants hold by mistake, too.
    let target = match model.is_enum {
        true => quote!(match *self { #(Self::#variants { .. } => #targets,)* }),
        false => quote!(""),
    };
    quote! {
        impl #generics ::superstep::__private::Route for #name #arguments #bounds {
            const TARGETS: &'static [&'static str] = &[#(#targets),*];

            fn target(&self) -> &'static str {
                #target
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
