//! The code of a derived state.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Field, Model, Standing};

pub(super) fn expand(model: &Model<'_>) -> TokenStream {
    if model.standing == Standing::Nothing {
        return TokenStream::new();
    }
    let update = format_ident!("{}Update", model.name);
    let update_type = update_type(model, &update);
    let state = state(model, &update);
    let implementations = implementations(model, &update);
    let builder = builder(model, &update);
    if model.standing == Standing::Update {
        return quote!(#update_type #builder);
    }
    let checks = checks(model);
    quote! {
        #update_type
        #builder
        const _: () = {
            #checks
            #state
            #implementations
        };
    }
}

/// The field with its reducer, as the trait `Slotted` knows them.
fn slot(field: &Field<'_>) -> TokenStream {
    let (ty, reducer) = (field.ty, reducer(field));
    quote! {
        ::superstep::__private::Slot<#ty, #reducer, {
            #[allow(unused_imports, reason = "for what does not fit, which is known later")]
            use ::superstep::__private::Misfit as _;
            ::superstep::__private::Fit::<#ty, #reducer>::FITS
        }>
    }
}

/// The only place that asks whether the fields fit their reducers.
fn checks(model: &Model<'_>) -> TokenStream {
    let checks = model.fields.iter().map(|field| {
        let (ty, data_span) = (field.ty, field.ty.span());
        let data = quote_spanned!(data_span=> ::superstep::__private::check_data::<#ty>());
        let reduces = field.reducer.as_ref().map(|reducer| {
            quote_spanned! {field.reducer_span=>
                ::superstep::__private::check_reducer::<#ty, #reducer>();
            }
        });
        quote!(#data; #reduces)
    });
    quote! {
        const fn check() {
            #(#checks)*
        }
        check();
    }
}

/// The reducer's path, or that of the default.
fn reducer(field: &Field<'_>) -> TokenStream {
    match &field.reducer {
        Some(path) => path.to_token_stream(),
        None => quote!(::superstep::__private::Replace),
    }
}

fn update_type(model: &Model<'_>, update: &Ident) -> TokenStream {
    let (vis, name) = (model.vis, model.name);
    let fields = model.fields.iter().map(|field| {
        let (ident, slot) = (field.ident, slot(field));
        quote! {
            #ident: <#slot as ::superstep::__private::Slotted>::Field,
        }
    });
    let doc = format!("Writes to the fields of [`{name}`]; made by `{name}::update()`.");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::default::Default)]
        #[must_use = "an update does nothing until a node returns it"]
        #vis struct #update {
            #(#fields)*
        }
    }
}

fn builder(model: &Model<'_>, update: &Ident) -> TokenStream {
    let (vis, name) = (model.vis, model.name);
    let (name_text, fields) = (name.to_string(), schema(model));
    let methods = model.fields.iter().map(|field| methods(model, field));
    quote! {
        #[allow(dead_code, reason = "a program need not write every field")]
        impl #name {
            /// An update that writes nothing yet.
            #[inline]
            #vis fn update() -> #update {
                ::core::default::Default::default()
            }

            /// The fields, in the order of declaration.
            #vis fn schema() -> &'static ::superstep::__private::Schema {
                static SCHEMA: ::superstep::__private::Schema =
                    ::superstep::__private::Schema::new(#name_text, &[#(#fields),*]);
                &SCHEMA
            }
        }

        #[allow(dead_code, reason = "a program need not write every field")]
        impl #update {
            #(#methods)*
        }
    }
}

fn methods(model: &Model<'_>, field: &Field<'_>) -> TokenStream {
    let (vis, ident, ty, slot) = (model.vis, field.ident, field.ty, slot(field));
    let overwrite = format_ident!("overwrite_{}", field.name, span = ident.span());
    let free = !model.fields.iter().any(|field| overwrite == field.name);
    let by = field
        .reducer
        .as_ref()
        .map_or("Replace".to_owned(), last_name);
    let own = format!("Writes `{}`, merged by `{by}`.", field.name);
    let doc = match field.doc.as_str() {
        "" => own,
        doc => format!("{doc}\n\n{own}"),
    };
    let overwrite_doc = format!(
        "Sets `{}`, past its reducer. Two tasks of one superstep that do are a conflict.",
        field.name
    );
    // At the field, so that a value that does not convert is traced to it.
    let update = quote_spanned! {ident.span()=>
        ::superstep::__private::IntoUpdate<<#slot as ::superstep::__private::Slotted>::Update>
    };
    let value = quote_spanned!(ident.span()=> ::superstep::__private::IntoUpdate<#ty>);
    let overwrite = free.then(|| {
        quote! {
            #[doc = #overwrite_doc]
            #vis fn #overwrite(mut self, value: impl #value) -> Self {
                self.#ident.overwrite(::superstep::__private::IntoUpdate::into_update(value));
                self
            }
        }
    });
    quote! {
        #[doc = #doc]
        #[inline]
        #vis fn #ident(
            mut self,
            value: impl #update,
        ) -> Self {
            self.#ident.push(::superstep::__private::IntoUpdate::into_update(value));
            self
        }

        #overwrite
    }
}

fn last_name(path: &syn::Path) -> String {
    let last = path.segments.last();
    last.map_or_else(String::new, |segment| segment.ident.to_string())
}

fn state(model: &Model<'_>, update: &Ident) -> TokenStream {
    let name = model.name;
    let version = model.version.as_ref().map(|version| {
        quote! {
            const VERSION: u32 = #version;
        }
    });
    let migrate = model.migrate.as_ref().map(|migrate| {
        let call = quote_spanned!(migrate.span()=> #migrate(from, fields));
        quote! {
            fn migrate(
                from: u32,
                fields: &mut ::superstep::__private::Fields,
            ) -> ::core::result::Result<(), ::superstep::__private::BoxError> {
                #call.map_err(::core::convert::Into::into)
            }
        }
    });
    quote! {
        impl ::superstep::__private::State for #name {
            type Update = #update;

            #version

            fn schema() -> &'static ::superstep::__private::Schema {
                Self::schema()
            }

            #migrate
        }
    }
}

/// One line of the schema for each field.
fn schema(model: &Model<'_>) -> Vec<TokenStream> {
    let fields = model.fields.iter().map(|field| {
        let (slot, doc) = (slot(field), &field.doc);
        let (field_name, type_name) = (&field.name, type_name(field.ty));
        let reducer_name = field
            .reducer
            .as_ref()
            .map_or("Replace".to_owned(), last_name);
        let ephemeral = field.ephemeral.then(|| quote!(.ephemeral()));
        let single_writer = quote!(<#slot as ::superstep::__private::Slotted>::SINGLE_WRITER);
        let key = field.key.as_ref().map(|key| quote!(.key(#key)));
        let extends = (!field.recoded)
            .then(|| quote!(.extends(<#slot as ::superstep::__private::Slotted>::EXTENDS)));
        quote! {
            ::superstep::__private::FieldSchema::new(
                #field_name, #type_name, #reducer_name, #single_writer,
            )
            .doc(#doc)
            #key
            #ephemeral
            #extends
        }
    });
    fields.collect()
}

/// A type as the source spells it, without the spaces of token streams.
fn type_name(ty: &syn::Type) -> String {
    let text = ty.to_token_stream().to_string();
    let mut name = String::with_capacity(text.len());
    for word in text.split(' ') {
        let glued = name.ends_with(['<', ':', '&', '(', '[', '\''])
            || word.starts_with(['<', '>', ':', ',', ';', ')', ']']);
        if !name.is_empty() && !glued {
            name.push(' ');
        }
        name.push_str(word);
    }
    name
}

fn implementations(model: &Model<'_>, update: &Ident) -> TokenStream {
    let trait_impl = update_impl(model, update);
    let serde = serde_impls(model, update);
    let name = model.name;
    quote! {
        #trait_impl
        #serde

        impl ::core::fmt::Debug for #update {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::superstep::__private::debug_update(self, f)
            }
        }

        impl ::superstep::__private::IntoOutcome<#name> for #update {
            #[inline]
            fn into_outcome(
                self,
            ) -> ::core::result::Result<
                ::superstep::__private::Outcome<#name>,
                ::superstep::__private::NodeError,
            > {
                ::core::result::Result::Ok(::superstep::__private::Outcome::update(self))
            }
        }
    }
}

fn update_impl(model: &Model<'_>, update: &Ident) -> TokenStream {
    let name = model.name;
    let idents: Vec<_> = model.fields.iter().map(|field| field.ident).collect();
    let indices: Vec<_> = (0..idents.len()).collect();
    let resets = resets(model);
    quote! {
        impl ::superstep::__private::Update for #update {
            type State = #name;

            fn writes(
                &self,
                visit: &mut dyn ::core::ops::FnMut(usize, ::superstep::__private::WriteKind),
            ) {
                let _ = &visit;
                #(
                    if let ::core::option::Option::Some(kind) = self.#idents.kind() {
                        visit(#indices, kind);
                    }
                )*
            }

            #[inline]
            fn apply(&mut self, state: &mut #name, at: &mut usize) {
                let _ = (&state, &at);
                #(
                    if !self.#idents.is_unset() {
                        *at = #indices;
                        self.#idents.apply(&mut state.#idents);
                    }
                )*
            }

            fn extend(&mut self, later: Self) {
                let _ = &later;
                #(self.#idents.extend(later.#idents);)*
            }

            fn undo(&self, state: &#name) -> Self {
                let _ = state;
                Self {
                    #(#idents: self.#idents.undo(&state.#idents),)*
                }
            }

            fn reset(state: &mut #name, field: usize) {
                let _ = &state;
                match field {
                    #(#resets)*
                    _ => {}
                }
            }
        }
    }
}

/// One arm for each ephemeral field. Swapped and not moved out of the default:
/// the state may have a `Drop` of its own.
fn resets<'a>(model: &'a Model<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let name = model.name;
    let fields = model.fields.iter().enumerate();
    let ephemeral = fields.filter(|(_, field)| field.ephemeral);
    ephemeral.map(move |(index, field)| {
        let ident = field.ident;
        quote! {
            #index => {
                let mut fresh = ::superstep::__private::default_state::<#name>();
                ::core::mem::swap(&mut state.#ident, &mut fresh.#ident);
            }
        }
    })
}

fn serde_impls(model: &Model<'_>, update: &Ident) -> TokenStream {
    let serde = quote!(::superstep::__private::serde);
    let idents: Vec<_> = model.fields.iter().map(|field| field.ident).collect();
    let keys = model.fields.iter().flat_map(|field| {
        ["", "each_", "overwrite_"].map(|prefix| format!("{prefix}{}", field.name))
    });
    let begins: Vec<_> = (0..idents.len()).map(|index| index * 3).collect();
    let map = Ident::new("map", Span::mixed_site());
    quote! {
        impl ::superstep::__private::UpdateKeys for #update {
            const KEYS: &'static [&'static str] = &[#(#keys),*];

            fn read<'de, A: #serde::de::MapAccess<'de>>(
                &mut self,
                key: usize,
                #map: &mut A,
            ) -> ::core::result::Result<(), A::Error> {
                let _ = &#map;
                match key / 3 * 3 {
                    #(#begins => self.#idents.read(key % 3, &Self::KEYS[#begins..], #map),)*
                    _ => ::core::result::Result::Ok(()),
                }
            }
        }

        impl #serde::Serialize for #update {
            fn serialize<S: #serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                let mut #map = #serde::Serializer::serialize_map(
                    serializer,
                    ::core::option::Option::None,
                )?;
                #(
                    self.#idents.serialize_into(
                        &mut #map,
                        &<Self as ::superstep::__private::UpdateKeys>::KEYS[#begins..],
                    )?;
                )*
                #serde::ser::SerializeMap::end(#map)
            }
        }

        impl<'de> #serde::Deserialize<'de> for #update {
            fn deserialize<D: #serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::superstep::__private::deserialize_update(deserializer)
            }
        }
    }
}
