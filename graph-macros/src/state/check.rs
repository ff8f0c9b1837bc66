//! Rules about more than one part of a state.

use syn::Type;

use super::model::{Field, Model};
use crate::errors::Errors;

pub(super) fn check(model: &Model<'_>, errors: &mut Errors) {
    for field in &model.fields {
        min_of_option(field, errors);
        taken_name(model, field, errors);
    }
}

/// `None` is less than everything, so that the least of it and a value is
/// `None` for ever.
fn min_of_option(field: &Field<'_>, errors: &mut Errors) {
    let Some(reducer) = &field.reducer else {
        return;
    };
    let is_min = reducer
        .segments
        .last()
        .is_some_and(|last| last.ident == "Min");
    if is_min && is_option(field.ty) {
        errors.at(
            reducer,
            "`Min` never changes an `Option`, whose `None` is the least: \
             drop the `Option` and start high in the state's `Default`, or write a reducer",
        );
    }
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Option")
}

/// `overwrite_x` and `each_x` are written for every field `x`.
fn taken_name(model: &Model<'_>, field: &Field<'_>, errors: &mut Errors) {
    for prefix in ["overwrite_", "each_"] {
        let Some(other) = field.name.strip_prefix(prefix) else {
            continue;
        };
        if model.fields.iter().any(|field| field.name == other) {
            errors.at(
                field.ident,
                format!(
                    "`{}` is taken: it is written for the field `{other}`; rename this field",
                    field.name
                ),
            );
        }
    }
}
