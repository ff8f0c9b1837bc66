//! What `#[tool(..)]` says.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Lit, LitStr, Path, Token};

use crate::errors::{Errors, one_of};

const KEYS: &[&str] = &["name", "description", "timeout", "approve", "blocking"];

/// The longest name that providers take.
const LONGEST_NAME: usize = 64;

#[derive(Default)]
pub(super) struct Settings {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) approve: bool,
    pub(super) blocking: Option<Path>,
}

/// Reads what stands in the parentheses. After a mistake in how it is written,
/// what follows is not read.
pub(super) fn read(arguments: TokenStream, errors: &mut Errors) -> Settings {
    let mut settings = Settings::default();
    if let Ok(text) = syn::parse2::<LitStr>(arguments.clone()) {
        errors.at(
            &text,
            "a text has a key, as in `#[tool(description = \"…\")]`",
        );
        // What it most probably is, so that one mistake is one error.
        settings.description = Some(text.value());
        return settings;
    }
    let mut seen: Vec<String> = Vec::new();
    let parser = syn::meta::parser(|meta| {
        let key = meta.path.get_ident().map(ToString::to_string);
        let key = key.unwrap_or_default();
        if seen.contains(&key) {
            errors.at(
                &meta.path,
                format!("`{key}` is said twice; remove this one"),
            );
        }
        read_one(&key, &meta, &mut settings, errors)?;
        seen.push(key);
        Ok(())
    });
    if let Err(error) = parser.parse2(arguments) {
        errors.push(error);
    }
    settings
}

fn read_one(
    key: &str,
    meta: &ParseNestedMeta<'_>,
    settings: &mut Settings,
    errors: &mut Errors,
) -> syn::Result<()> {
    match key {
        "name" => settings.name = Some(name(&text(meta)?, errors)),
        "description" => {
            let text = text(meta)?;
            if text.value().trim().is_empty() {
                errors.at(&text, "a model chooses by the description; it is not empty");
            }
            settings.description = Some(text.value());
        }
        "timeout" => {
            let time = meta.value()?.parse::<Lit>()?;
            settings.timeout = match &time {
                Lit::Str(text) => duration(&text.value()),
                _ => None,
            };
            if settings.timeout.is_none() {
                errors.at(
                    &time,
                    "a time is a number and a unit, as in `\"5s\"`, `\"200ms\"` or `\"2m\"`",
                );
            }
        }
        "approve" => {
            stands_alone(key, meta)?;
            settings.approve = true;
        }
        "blocking" => {
            stands_alone(key, meta)?;
            settings.blocking = Some(meta.path.clone());
        }
        _ => return Err(meta.error(format!("unknown key, expected {}", one_of(KEYS)))),
    }
    Ok(())
}

fn stands_alone(key: &str, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    match meta.input.is_empty() || meta.input.peek(Token![,]) {
        true => Ok(()),
        false => Err(meta.error(format!("`{key}` stands alone, without a value"))),
    }
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

fn name(text: &LitStr, errors: &mut Errors) -> String {
    let name = text.value();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_part) {
        errors.at(
            text,
            "the name of a tool has letters, digits, `_` and `-`, at most 64 of them",
        );
    }
    name
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}
