//! Instructions with keys in them.
//!
//! 1. `{key}` is the value of a key, and must be there; `{key?}` may be missing,
//!    and is then nothing. Text is put as it is, null as nothing, all else as JSON.
//! 2. `{{text}}` is `{text}`, whatever the text is.
//! 3. Braces around what is no key, `${key}` and `\{key}` stay as they are: JSON
//!    in prompts survives.
//! 4. It is one pass: braces in values are text.

use serde_json::Value;

use super::values::{SHARED, TEMP, Values};

/// A text with keys in it, read once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key { key: String, optional: bool },
}

impl Template {
    pub(super) fn parse(text: &str) -> Self {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            template.text(before);
            // What is escaped for others is not for us.
            if before.ends_with(['$', '\\']) {
                let end = from.find(|c| c != '{').unwrap_or(from.len());
                template.text(&from[..end]);
                rest = &from[end..];
                continue;
            }
            rest = template.braces(from);
        }
        template.text(rest);
        template
    }

    /// Reads what begins with a brace, and returns what follows.
    fn braces<'t>(&mut self, from: &'t str) -> &'t str {
        if let Some(inner) = from.strip_prefix("{{") {
            if let Some((literal, rest)) = group(inner).filter(|(_, rest)| rest.starts_with('}')) {
                self.text(&format!("{{{literal}}}"));
                return &rest[1..];
            }
            // `{{{key}}}` is a value in braces.
            let value = inner.strip_prefix('{').and_then(group);
            let value = value.and_then(|(name, rest)| Some((key(name)?, rest.strip_prefix("}}")?)));
            if let Some((piece, rest)) = value {
                self.text("{");
                self.0.push(piece);
                self.text("}");
                return rest;
            }
        }
        let inner = &from[1..];
        match group(inner).and_then(|(name, rest)| Some((key(name)?, rest))) {
            Some((piece, rest)) => {
                self.0.push(piece);
                rest
            }
            None => {
                self.text("{");
                inner
            }
        }
    }

    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    /// The keys that must be there.
    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Key {
                key,
                optional: false,
            } => Some(&**key),
            _ => None,
        })
    }

    /// The keys that are read, if they are there.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Key { key, .. } => Some(&**key),
            Piece::Text(_) => None,
        })
    }

    /// The text with values in place of keys, or the key that is missing.
    pub(super) fn fill(&self, values: &Values) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Key { key, optional } => match values.json(key) {
                    Some(value) => put(value, &mut text),
                    None if *optional => {}
                    None => return Err(key.clone()),
                },
            }
        }
        Ok(text)
    }
}

/// What stands before the next brace that closes, without any that opens.
fn group(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['{', '}'])?;
    let rest = text[end..].strip_prefix('}')?;
    Some((&text[..end], rest))
}

fn key(name: &str) -> Option<Piece> {
    let name = name.trim();
    let (name, optional) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    is_key(name).then(|| Piece::Key {
        key: name.to_owned(),
        optional,
    })
}

/// Whether a text is a key: a name, and before it the name of a scope or nothing.
pub(super) fn is_key(text: &str) -> bool {
    let scopes = SHARED.iter().copied().chain([TEMP]);
    let name = scopes.filter_map(|scope| text.strip_prefix(scope)).next();
    let mut letters = name.unwrap_or(text).chars();
    let begins = letters
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    begins && letters.all(|c| c.is_alphanumeric() || c == '_')
}

/// Text as it is, null as nothing, all else as JSON.
fn put(value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::String(value) => text.push_str(value),
        other => text.push_str(&other.to_string()),
    }
}
