//! What serde's attributes say of how a field is written. What is wrong with
//! them is serde's to say.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Token};

use super::attributes::FieldAttributes;

/// Reads an attribute of a field.
pub(super) fn read(attribute: &Attribute, read: &mut FieldAttributes) {
    let parsed = attribute.parse_nested_meta(|meta| {
        let harmless = ["default", "alias", "skip_serializing_if", "rename"];
        read.recoded |= !harmless.iter().any(|key| meta.path.is_ident(key));
        if meta.path.is_ident("rename") {
            read.rename = written_as(&meta)?.or(read.rename.take());
            return Ok(());
        }
        skip_value(&meta)
    });
    read.recoded |= parsed.is_err();
}

/// How the struct's attributes rename its fields.
pub(super) fn rename_all(attributes: &[Attribute]) -> Option<Case> {
    let mut case = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename_all") {
                case = written_as(&meta)?.as_deref().and_then(Case::named).or(case);
                return Ok(());
            }
            skip_value(&meta)
        });
    }
    case
}

/// The text of `key = "text"`, or of `key(serialize = "text")`.
fn written_as(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return Ok(Some(meta.value()?.parse::<LitStr>()?.value()));
    }
    let mut text = None;
    meta.parse_nested_meta(|meta| {
        let value = meta.value()?.parse::<LitStr>()?.value();
        if meta.path.is_ident("serialize") {
            text = Some(value);
        }
        Ok(())
    })?;
    Ok(text)
}

fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if !meta.input.is_empty() && !meta.input.peek(Token![,]) {
        meta.input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// How serde writes the names of fields.
#[derive(Clone, Copy)]
pub(super) enum Case {
    Same,
    Upper,
    Pascal,
    Camel,
    Kebab,
    UpperKebab,
}

impl Case {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" | "snake_case" => Self::Same,
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::UpperKebab,
            _ => return None,
        })
    }

    /// The name of a field, which is written in snake case.
    pub(super) fn of(self, field: &str) -> String {
        match self {
            Self::Same => field.to_owned(),
            Self::Upper => field.to_ascii_uppercase(),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let name = pascal(field);
                let first = name.chars().next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(name.chars().skip(1)).collect()
            }
            Self::Kebab => field.replace('_', "-"),
            Self::UpperKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let mut capital = true;
    let mut name = String::with_capacity(field.len());
    for letter in field.chars() {
        match letter {
            '_' => capital = true,
            letter if capital => {
                capital = false;
                name.push(letter.to_ascii_uppercase());
            }
            letter => name.push(letter),
        }
    }
    name
}
