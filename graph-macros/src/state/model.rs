//! What a derive of `State` is about.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident, LitInt, Path, Type, Visibility};

use super::attributes;
use super::serde::{self, Case};
use crate::errors::Errors;

/// A state: its struct, and its fields as far as they could be read.
pub(super) struct Model<'i> {
    pub(super) name: &'i Ident,
    pub(super) vis: &'i Visibility,
    pub(super) fields: Vec<Field<'i>>,
    /// `None` is 1.
    pub(super) version: Option<LitInt>,
    /// What leads from one version to the next.
    pub(super) migrate: Option<Path>,
    pub(super) standing: Standing,
}

/// What can be written for a type, so that its uses are no second mistake.
#[derive(PartialEq, Eq)]
pub(super) enum Standing {
    /// All: it is a state, or stands as one of no fields.
    State,
    /// The update type, for what has not the traits of a state.
    Update,
    /// Nothing, for what is many types.
    Nothing,
}

pub(super) struct Field<'i> {
    pub(super) ident: &'i Ident,
    /// The name without `r#`.
    pub(super) name: String,
    pub(super) ty: &'i Type,
    /// `None` is `Replace`.
    pub(super) reducer: Option<Path>,
    /// Where to point for what is wrong with the reducer.
    pub(super) reducer_span: Span,
    pub(super) ephemeral: bool,
    /// The name under which serde writes it, if it is another.
    pub(super) key: Option<String>,
    /// Whether serde writes it in another way than its type.
    pub(super) recoded: bool,
    pub(super) doc: String,
}

pub(super) fn read<'i>(input: &'i DeriveInput, errors: &mut Errors) -> Model<'i> {
    let attributes = attributes::read_struct(&input.attrs, errors);
    let rename_all = serde::rename_all(&input.attrs);
    let mut model = Model {
        name: &input.ident,
        vis: &input.vis,
        fields: Vec::new(),
        version: attributes.version,
        migrate: attributes.migrate,
        standing: Standing::State,
    };
    if !input.generics.params.is_empty() {
        let lifetimes = input.generics.lifetimes().next().is_some();
        errors.at(
            &input.generics,
            if lifetimes {
                "a state borrows nothing: own the data, or share it in an `Arc`"
            } else {
                "a state has no type parameters: name the types of its fields"
            },
        );
        model.standing = Standing::Nothing;
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let fields = fields.named.iter();
                model.fields = fields
                    .filter_map(|field| read_field(field, rename_all, errors))
                    .collect();
            }
            Fields::Unnamed(fields) => {
                errors.at(
                    fields,
                    "a state has named fields: write `struct Name { field: Type }`",
                );
            }
            Fields::Unit => {
                errors.at(
                    &input.ident,
                    "a state has named fields: write `struct Name {}` for none",
                );
            }
        },
        Data::Enum(data) => {
            errors.at(
                data.enum_token,
                "a state is a struct: put the enum in a field of one",
            );
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "a state is a struct: write `struct`, or put an enum in a field of one",
            );
            if model.standing == Standing::State {
                model.standing = Standing::Update;
            }
        }
    }
    model
}

fn read_field<'i>(
    field: &'i syn::Field,
    rename_all: Option<Case>,
    errors: &mut Errors,
) -> Option<Field<'i>> {
    let ident = field.ident.as_ref()?;
    let read = attributes::read(field, errors);
    let name = ident.unraw().to_string();
    let key = read.rename.or_else(|| Some(rename_all?.of(&name)));
    Some(Field {
        ident,
        key: key.filter(|key| *key != name),
        name,
        ty: &field.ty,
        reducer_span: attributes::reducer_span(read.reducer.as_ref(), field.ty.span()),
        reducer: read.reducer,
        ephemeral: read.ephemeral,
        recoded: read.recoded,
        doc: read.doc,
    })
}
