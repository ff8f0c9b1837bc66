//! What `#[route(..)]` on a variant says.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token, Variant};

use crate::errors::Errors;

/// Where a variant leads.
pub(super) enum Target {
    /// To the node of that name.
    Name(LitStr),
    /// To what a constant names, such as `END`.
    Constant(Path),
}

/// Reads where one variant leads; nothing if it does not say.
pub(super) fn read(variant: &Variant, errors: &mut Errors) -> Option<Target> {
    let mut target = None;
    let attributes = variant.attrs.iter();
    for attribute in attributes.filter(|attribute| attribute.path().is_ident("route")) {
        if target.is_some() {
            errors.at(attribute, "a variant has one target; remove this one");
            continue;
        }
        target = read_one(attribute, errors);
    }
    if target.is_none() && !variant.attrs.iter().any(|a| a.path().is_ident("route")) {
        errors.at(
            &variant.ident,
            "say where this variant leads: `#[route(\"node\")]`, or `#[route(END)]`",
        );
    }
    target
}

fn read_one(attribute: &Attribute, errors: &mut Errors) -> Option<Target> {
    let Meta::List(list) = &attribute.meta else {
        errors.at(
            attribute,
            "name the node in parentheses, as in `#[route(\"node\")]`",
        );
        return None;
    };
    if list.tokens.is_empty() {
        errors.at(
            attribute,
            "name the node in parentheses, as in `#[route(\"node\")]`",
        );
        return None;
    }
    let targets = match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(targets) => targets,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let mut targets = targets.into_iter();
    let target = read_target(targets.next()?, errors);
    for other in targets {
        errors.at(other, "a variant has one target; remove this one");
    }
    target
}

fn read_target(target: Expr, errors: &mut Errors) -> Option<Target> {
    match target {
        Expr::Lit(ExprLit {
            lit: Lit::Str(name),
            ..
        }) => {
            if name.value().is_empty() {
                errors.at(&name, "the name of a node is not empty");
            }
            Some(Target::Name(name))
        }
        Expr::Path(path) => Some(constant(path.path, errors)),
        other => {
            errors.at(other, "expected the name of a node in quotes, or `END`");
            None
        }
    }
}

/// A constant, or a name that lacks its quotes: no constant is in lower case.
fn constant(path: Path, errors: &mut Errors) -> Target {
    let name = path.get_ident().map(ToString::to_string);
    match name {
        Some(name) if name == name.to_lowercase() => {
            errors.at(
                &path,
                format!("the name of a node stands in quotes: write `#[route(\"{name}\")]`"),
            );
            Target::Name(LitStr::new(&name, path.span()))
        }
        _ => Target::Constant(path),
    }
}
