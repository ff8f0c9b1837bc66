//! What a derive of `Route` is about.

use syn::{Data, DeriveInput, Fields, Generics, Ident};

use super::attributes::{self, Target};
use crate::errors::Errors;

/// A routing enum, and where its variants lead, as far as they say.
pub(super) struct Model<'i> {
    pub(super) name: &'i Ident,
    pub(super) generics: &'i Generics,
    pub(super) variants: Vec<(&'i Ident, Option<Target>)>,
    /// Whether it has variants to tell apart; what is none stands as a route
    /// to nowhere.
    pub(super) is_enum: bool,
}

pub(super) fn read<'i>(input: &'i DeriveInput, errors: &mut Errors) -> Model<'i> {
    let mut model = Model {
        name: &input.ident,
        generics: &input.generics,
        variants: Vec::new(),
        is_enum: matches!(input.data, Data::Enum(_)),
    };
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("route")) {
        errors.at(
            attribute,
            "`#[route(..)]` goes on a variant, not on the enum",
        );
    }
    let data = match &input.data {
        Data::Enum(data) => data,
        Data::Struct(data) => {
            errors.at(
                data.struct_token,
                "a route is an enum, with a variant for each target",
            );
            return model;
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "a route is an enum, with a variant for each target",
            );
            return model;
        }
    };
    if data.variants.is_empty() {
        errors.at(
            &input.ident,
            "a route has at least one variant, or it leads nowhere",
        );
    }
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            errors.at(
                &variant.fields,
                "a variant of a route holds nothing; to send values use `add_conditional_edges`",
            );
        }
        model
            .variants
            .push((&variant.ident, attributes::read(variant, errors)));
    }
    model
}
