//! What the attributes of a field say.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, Field, Ident, Lit, LitInt, LitStr, Meta, Path, Token, Type,
    parse_quote,
};

use super::serde;
use crate::errors::{Errors, one_of};

/// The keys of `#[state(..)]` on a field.
const KEYS: &[&str] = &["ephemeral"];

/// The keys of `#[state(..)]` on the struct.
const STRUCT_KEYS: &[&str] = &["version", "migrate"];

/// The reducers that come with superstep.
const STOCK: &[&str] = &[
    "Replace", "Last", "Append", "Sum", "Max", "Min", "Merge", "Any", "All",
];

/// What is said to a reducer that is named like a function.
const NO_TYPE: &str = "a reducer is a type: `Append` (lists, text), `Sum` (numbers), \
    `Merge` (maps, sets), `Last`, `Max`, `Min`, `Any`, `All`, \
    or a unit struct of yours that implements `superstep::Reducer<T>`";

/// The attributes of a field, as far as they could be read.
#[derive(Default)]
pub(super) struct FieldAttributes {
    pub(super) reducer: Option<Path>,
    pub(super) ephemeral: bool,
    /// The name under which serde writes it, if its attribute says one.
    pub(super) rename: Option<String>,
    /// Whether serde writes it in another way than its type says.
    pub(super) recoded: bool,
    /// The doc comment, its lines joined.
    pub(super) doc: String,
}

/// Reads the attributes of one field. Mistakes go to `errors`; reading goes
/// on, so that later mistakes show as well.
pub(super) fn read(field: &Field, errors: &mut Errors) -> FieldAttributes {
    let mut read = FieldAttributes::default();
    for attribute in &field.attrs {
        let path = attribute.path();
        if path.is_ident("reduce") {
            reduce(attribute, &field.ty, &mut read, errors);
        } else if path.is_ident("state") {
            state(attribute, &mut read, errors);
        } else if path.is_ident("doc") {
            doc(attribute, &mut read.doc);
        } else if path.is_ident("serde") {
            serde::read(attribute, &mut read);
        }
    }
    read
}

fn reduce(attribute: &Attribute, ty: &Type, read: &mut FieldAttributes, errors: &mut Errors) {
    // One as it is meant to be; of anything else the expressions tell what it is.
    if let Ok(path) = attribute.parse_args() {
        return reducer(&path, ty, read, errors);
    }
    let reducers = match &attribute.meta {
        Meta::List(list) => list
            .parse_args_with(syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated),
        Meta::Path(_) | Meta::NameValue(_) => Ok(syn::punctuated::Punctuated::new()),
    };
    let reducers = match reducers {
        Ok(reducers) => reducers,
        Err(error) => return errors.push(error),
    };
    if reducers.is_empty() {
        errors.at(
            attribute,
            "name the reducer in parentheses, as in `#[reduce(Append)]`",
        );
    }
    for named in &reducers {
        match named {
            Expr::Path(path) if path.attrs.is_empty() && path.qself.is_none() => {
                reducer(&path.path, ty, read, errors);
            }
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => {
                let path = path_in_text(text, ty, errors);
                read.reducer = read.reducer.take().or(path);
            }
            other => errors.at(other, "a reducer is the path of a type, such as `Append`"),
        }
    }
}

fn reducer(path: &Path, ty: &Type, read: &mut FieldAttributes, errors: &mut Errors) {
    if read.reducer.is_some() {
        errors.at(path, "a field has one reducer; remove this one");
    } else {
        read.reducer = Some(path_of_type(path, ty, errors));
    }
}

/// The path that stands in quotes, if there is one. That it does goes to
/// `errors`.
fn path_in_text(text: &LitStr, ty: &Type, errors: &mut Errors) -> Option<Path> {
    let path = text.parse().ok();
    if let Some(path) = path.as_ref().filter(|path| !is_of_type(path)) {
        return Some(path_of_type(path, ty, errors));
    }
    let name = text.value();
    errors.at(
        text,
        format!("a reducer is a type, not text: write `#[reduce({name})]`"),
    );
    path
}

/// Whether a path is named like a type, and not like a function.
fn is_of_type(path: &Path) -> bool {
    let last = path.segments.last();
    !last.is_some_and(|last| last.ident.to_string().starts_with(char::is_lowercase))
}

/// The path itself if it can be that of a type. Names of functions go to
/// `errors`; the answer is then the stock reducer that they spell, or one that
/// takes what is most likely written to the field, so that its updates are no
/// second mistake.
fn path_of_type(path: &Path, ty: &Type, errors: &mut Errors) -> Path {
    if is_of_type(path) {
        return path.clone();
    }
    let stock = STOCK.iter().find(|stock| {
        let last = path.segments.last();
        last.is_some_and(|last| last.ident == stock.to_lowercase())
    });
    let (message, stock) = match stock {
        Some(stock) => (
            format!("a reducer is a type: write `#[reduce({stock})]`"),
            *stock,
        ),
        None => (NO_TYPE.to_owned(), likely(ty)),
    };
    errors.at(path, message);
    let stock = Ident::new(stock, path.span());
    parse_quote!(::superstep::#stock)
}

/// The stock reducer that a field of this type most likely needs.
fn likely(ty: &Type) -> &'static str {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    if last.is_some_and(|last| last.ident == "Vec" || last.ident == "VecDeque") {
        "Append"
    } else {
        "Replace"
    }
}

fn state(attribute: &Attribute, read: &mut FieldAttributes, errors: &mut Errors) {
    if !matches!(attribute.meta, Meta::List(_)) {
        let expected = one_of(KEYS);
        return errors.at(
            attribute,
            format!("say what in parentheses: expected {expected}"),
        );
    }
    let parsed = attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("ephemeral") {
            if read.ephemeral {
                return Err(meta.error("`ephemeral` stands here twice; remove one"));
            }
            read.ephemeral = true;
            if meta.input.is_empty() || meta.input.peek(Token![,]) {
                return Ok(());
            }
            return Err(meta.input.error("`ephemeral` takes no value"));
        }
        if meta.path.is_ident("reduce") {
            return Err(meta.error("reducers have an attribute of their own: `#[reduce(Append)]`"));
        }
        Err(meta.error(format!("unknown key, expected {}", one_of(KEYS))))
    });
    if let Err(error) = parsed {
        errors.push(error);
    }
}

fn doc(attribute: &Attribute, doc: &mut String) {
    let Meta::NameValue(pair) = &attribute.meta else {
        return;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(line),
        ..
    }) = &pair.value
    else {
        return;
    };
    if !doc.is_empty() {
        doc.push('\n');
    }
    doc.push_str(line.value().trim());
}

/// What the attributes of the struct say.
#[derive(Default)]
pub(super) struct StructAttributes {
    pub(super) version: Option<LitInt>,
    pub(super) migrate: Option<Path>,
}

/// Reads the attributes of the struct; one that goes on a field is a mistake.
pub(super) fn read_struct(attributes: &[Attribute], errors: &mut Errors) -> StructAttributes {
    let mut read = StructAttributes::default();
    for attribute in attributes {
        if attribute.path().is_ident("reduce") {
            errors.at(
                attribute,
                "`#[reduce(..)]` goes on a field, not on the struct",
            );
        } else if attribute.path().is_ident("state") {
            state_of_struct(attribute, &mut read, errors);
        }
    }
    if let (Some(migrate), None) = (&read.migrate, &read.version) {
        errors.at(
            migrate,
            "say to which version it leads: `#[state(version = 2, migrate = ..)]`",
        );
    }
    read
}

fn state_of_struct(attribute: &Attribute, read: &mut StructAttributes, errors: &mut Errors) {
    if !matches!(attribute.meta, Meta::List(_)) {
        let expected = one_of(STRUCT_KEYS);
        return errors.at(
            attribute,
            format!("say what in parentheses: expected {expected}"),
        );
    }
    let parsed = attribute.parse_nested_meta(|meta| {
        if meta.path.is_ident("version") {
            let version: LitInt = meta.value()?.parse()?;
            if version
                .base10_parse::<u32>()
                .is_ok_and(|version| version > 0)
            {
                read.version = Some(version);
                return Ok(());
            }
            return Err(syn::Error::new(
                version.span(),
                "a version is a number from 1, one more for each change",
            ));
        }
        if meta.path.is_ident("migrate") {
            read.migrate = Some(meta.value()?.parse()?);
            return Ok(());
        }
        if meta.path.is_ident("ephemeral") {
            return Err(meta.error("`ephemeral` goes on a field, not on the struct"));
        }
        Err(meta.error(format!("unknown key, expected {}", one_of(STRUCT_KEYS))))
    });
    if let Err(error) = parsed {
        errors.push(error);
    }
}

/// Where to point for a field's reducer.
pub(super) fn reducer_span(reducer: Option<&Path>, field: Span) -> Span {
    reducer.map_or(field, Spanned::span)
}
