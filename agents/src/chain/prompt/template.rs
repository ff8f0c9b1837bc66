//! A text with holes.

use std::fmt;
use std::fmt::Write as _;

use serde_json::Value;

use super::fill::{Given, PromptError};
use super::mistake::Unreadable;

/// A text with holes; see [`prompt`](super::prompt).
#[derive(Clone)]
pub struct Template(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Plain(Plain),
    #[cfg(feature = "templates")]
    Rich(super::rich::Rich),
}

/// Text and holes in turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Plain {
    pieces: Vec<Piece>,
    mistakes: Vec<Unreadable>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Hole(Hole),
}

#[derive(Debug, Clone)]
struct Hole {
    name: String,
    place: Place,
}

/// Where something begins in a template, from 1.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn of(text: &str, at: usize) -> Self {
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[begin..].chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Plain {
    fn parse(text: &str) -> Self {
        let mut plain = Self::default();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            literal.push_str(&text[at..at + found]);
            let brace = at + found;
            let rest = &text[brace..];
            at = if let Some(brace_twice) = ["{{", "}}"].iter().find(|two| rest.starts_with(**two))
            {
                literal.push_str(&brace_twice[..1]);
                brace + 2
            } else {
                brace + plain.hole(text, brace, &mut literal)
            };
        }
        literal.push_str(&text[at..]);
        plain.literal(&mut literal);
        plain
    }

    fn literal(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(literal)));
        }
    }

    /// Reads the hole that begins at that brace; says how long it is.
    fn hole(&mut self, text: &str, brace: usize, literal: &mut String) -> usize {
        let (rest, place) = (&text[brace..], Place::of(text, brace));
        let Some(inside) = rest.strip_prefix('{') else {
            self.mistakes.push(Unreadable {
                why: format!("a `}}` stands alone at {place}"),
                help: "write a brace as `}}`",
            });
            return 1;
        };
        let Some(end) = inside
            .find(['{', '}'])
            .filter(|end| inside[*end..].starts_with('}'))
        else {
            self.mistakes.push(Unreadable {
                why: format!("a `{{` at {place} is never closed"),
                help: "write a brace as `{{`",
            });
            return 1;
        };
        let name = &inside[..end];
        if is_name(name) {
            self.literal(literal);
            let name = name.to_owned();
            self.pieces.push(Piece::Hole(Hole { name, place }));
        } else {
            self.mistakes.push(Unreadable {
                why: format!("`{{{name}}}` at {place} is no name in braces"),
                help: "write a brace as `{{`",
            });
        }
        end + 2
    }

    fn fill(&self, given: &Given<'_>) -> Result<String, PromptError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Hole(hole) => match given.value(&hole.name) {
                    Some(Value::String(value)) => text.push_str(value),
                    Some(value) => {
                        // A `String` takes whatever is written.
                        let _ = write!(text, "{value}");
                    }
                    None => return Err(given.missing()),
                },
            }
        }
        Ok(text)
    }

    fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Text(_) => None,
        })
    }
}

/// Letters, digits and `_`, and no digit first.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first && chars.all(|c| c.is_alphanumeric() || c == '_')
}

impl Template {
    pub(super) fn plain(text: &str) -> Self {
        Self(Kind::Plain(Plain::parse(text)))
    }

    /// The names that have to be given, and where each stands.
    pub(super) fn needs(&self) -> Vec<(String, String)> {
        match &self.0 {
            Kind::Plain(plain) => {
                let holes = plain.holes();
                holes
                    .map(|Hole { name, place }| (name.clone(), format!(", {place}")))
                    .collect()
            }
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.needs(),
        }
    }

    pub(super) fn mistakes(&self) -> Vec<Unreadable> {
        match &self.0 {
            Kind::Plain(plain) => plain.mistakes.clone(),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.mistakes(),
        }
    }

    pub(super) fn fill(&self, given: &Given<'_>) -> Result<String, PromptError> {
        match &self.0 {
            Kind::Plain(plain) => plain.fill(given),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.fill(given),
        }
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self::plain(&text)
    }
}

impl From<&String> for Template {
    fn from(text: &String) -> Self {
        Self::plain(text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Plain(plain) => f.debug_tuple("Template").field(&plain.pieces).finish(),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => f.debug_tuple("Template").field(rich).finish(),
        }
    }
}
