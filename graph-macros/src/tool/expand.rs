//! The code of a tool.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, ReturnType};

use super::model::{Argument, Model, Parameter};

pub(super) fn expand(model: &Model) -> TokenStream {
    let function = &model.function;
    if !model.sound {
        return quote!(#function);
    }
    let (outside, inside): (Vec<_>, Vec<_>) = function.attrs.iter().partition(|a| is_outside(a));
    let (vis, name) = (&function.vis, &function.sig.ident);
    let mut body = function.clone();
    body.attrs = inside.into_iter().cloned().collect();
    body.vis = syn::Visibility::Inherited;
    body.sig.ident = format_ident!("__body");
    let output = output(model);
    let given = given(model);
    let names: Vec<_> = names(model);
    let types = model.parameters.iter().map(|parameter| match parameter {
        Parameter::Argument(Argument { ty, .. }) | Parameter::Given(ty) => ty,
    });
    let definition = definition(model);
    let arguments = arguments(model);
    let called = called(model, &quote!(__body(#(#names),*)));
    quote! {
        #(#outside)*
        #vis fn #name(#(#names: #types),*) -> ::superstep::__private::ToolFuture<
            impl ::superstep::__private::ToolDefinition<Given = #given, Output = #output>
        > {
            // A tool is async, and owns its arguments, whether it needs to or not.
            #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
            #body
            #arguments
            #definition
            ::superstep::__private::ToolFuture::<__Tool>::new(#called)
        }
    }
}

/// What is said to those who see the function; all else is about its body.
fn is_outside(attribute: &Attribute) -> bool {
    let outside = ["doc", "cfg", "deprecated", "must_use"];
    outside.iter().any(|name| attribute.path().is_ident(name))
}

fn output(model: &Model) -> TokenStream {
    match &model.function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    }
}

/// The types of what is no argument, as one.
fn given(model: &Model) -> TokenStream {
    let given = model.parameters.iter().filter_map(|p| match p {
        Parameter::Given(ty) => Some(ty),
        Parameter::Argument(_) => None,
    });
    let given: Vec<_> = given.collect();
    match given.as_slice() {
        [one] => quote!(#one),
        all => quote!((#(#all),*)),
    }
}

/// The names of the parameters, of which the body may make patterns.
fn names(model: &Model) -> Vec<syn::Ident> {
    let parameters = model.parameters.iter().enumerate();
    let names = parameters.map(|(index, parameter)| match parameter {
        // Or the function could not be named inside of it.
        Parameter::Argument(argument) if argument.name == model.function.sig.ident => {
            format_ident!("{}_", argument.name.unraw())
        }
        Parameter::Argument(argument) => argument.name.clone(),
        Parameter::Given(_) => format_ident!("__given_{index}"),
    });
    names.collect()
}

/// The body as a future.
fn called(model: &Model, call: &TokenStream) -> TokenStream {
    match model.settings.blocking {
        None => call.clone(),
        Some(_) => quote!(::superstep::__private::on_pool(move || #call)),
    }
}

/// The struct that a call's arguments are read into.
fn arguments(model: &Model) -> TokenStream {
    let fields = model.parameters.iter().filter_map(|p| match p {
        Parameter::Argument(argument) => Some(argument),
        Parameter::Given(_) => None,
    });
    let fields = fields.map(|argument| {
        let Argument {
            name,
            ty,
            attributes,
            doc,
        } = argument;
        let doc = doc.iter();
        quote!(#(#[doc = #doc])* #(#attributes)* #name: #ty)
    });
    quote! {
        #[derive(
            ::superstep::__private::serde::Deserialize,
            ::superstep::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::superstep::__private::serde", deny_unknown_fields)]
        #[schemars(crate = "::superstep::__private::schemars")]
        struct __Arguments {
            #(#fields),*
        }
    }
}

fn definition(model: &Model) -> TokenStream {
    let (name, description) = (&model.name, &model.description);
    let (given, output) = (given(model), output(model));
    let approve = model.settings.approve;
    let timeout = match model.settings.timeout {
        None => quote!(::core::option::Option::None),
        Some(timeout) => {
            let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanos)))
        }
    };
    let parameters = parameters_of_call(model);
    // By way of the function itself, so that what is wrong with its future is one
    // error.
    let function = &model.function.sig.ident;
    let called = quote!(#function(#(#parameters),*));
    // Where what is returned cannot be told, the mistake is in its type.
    let span = match &model.function.sig.output {
        ReturnType::Default => function.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let text = quote_spanned!(span=> (&__returned).of_what().text(__returned));
    quote! {
        struct __Tool;

        impl ::superstep::__private::ToolDefinition for __Tool {
            type Arguments = __Arguments;
            type Given = #given;
            type Output = #output;
            const NAME: &'static str = #name;
            const DESCRIPTION: &'static str = #description;
            const APPROVE: bool = #approve;
            const TIMEOUT: ::core::option::Option<::core::time::Duration> = #timeout;

            fn call(
                __arguments: Self::Arguments,
                __given: Self::Given,
            ) -> ::superstep::__private::BoxFuture<
                ::core::result::Result<::std::string::String, ::superstep::__private::ToolError>,
            > {
                use ::superstep::__private::{OfAnything as _, OfResult as _};
                ::std::boxed::Box::pin(async move {
                    let __returned = #called.await;
                    #text
                })
            }
        }
    }
}

/// What the body is called with when a model calls it.
fn parameters_of_call(model: &Model) -> Vec<TokenStream> {
    let is_given = |parameter: &&Parameter| matches!(parameter, Parameter::Given(_));
    let n_given = model.parameters.iter().filter(is_given).count();
    let mut given = 0_usize..;
    let parameters = model.parameters.iter().map(|parameter| match parameter {
        Parameter::Argument(Argument { name, .. }) => quote!(__arguments.#name),
        Parameter::Given(_) if n_given == 1 => quote!(__given),
        Parameter::Given(_) => {
            let index = syn::Index::from(given.next().unwrap_or_default());
            quote!(__given.#index)
        }
    });
    parameters.collect()
}
