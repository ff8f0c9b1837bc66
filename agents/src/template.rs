//! Texts with holes: the instructions of agents, and the prompts of chains.
//!
//! 1. `{name}` is filled with the value of that name, which must be there; `{name?}`
//!    may be missing, and is then nothing. Text is put as it is, null as nothing, all
//!    else as JSON.
//! 2. `{{` and `}}` are braces.
//! 3. Braces around what is no name stay as they are, and close as they open: JSON
//!    survives. So do `${name}` and `\{name}`, which are for others.
//! 4. It is one pass: braces in values are text.

use std::fmt;

use serde_json::Value;

/// How keys begin of all of a user's sessions, and of all sessions.
pub(crate) const SHARED: [&str; 2] = ["user:", "app:"];

/// How keys begin of this turn only.
pub(crate) const TEMP: &str = "temp:";

/// A text with holes, read once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Holed {
    pieces: Vec<Piece>,
    /// What would be holes without the `$` before them.
    left: Vec<Hole>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Hole(Hole),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) name: String,
    pub(crate) optional: bool,
    pub(crate) place: Place,
}

/// Where something begins in a text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
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

/// A brace that is open, and how it is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// It stands for itself.
    Itself,
    /// It was written twice.
    Twice,
}

impl Holed {
    pub(crate) fn parse(text: &str) -> Self {
        let mut holed = Self::default();
        let mut open = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            let brace = at + found;
            holed.text(&text[at..brace]);
            at = brace
                + match text[brace..].starts_with('{') {
                    true => holed.opens(text, brace, &mut open),
                    false => holed.closes(&text[brace..], &mut open),
                };
        }
        holed.text(&text[at..]);
        holed
    }

    /// Reads what begins with the brace that opens there; says how long it is.
    fn opens(&mut self, text: &str, brace: usize, open: &mut Vec<Open>) -> usize {
        let rest = &text[brace..];
        let read = || {
            let (inside, _) = rest[1..].split_once('}')?;
            Some((hole(inside, text, brace)?, inside.len() + 2))
        };
        // What is escaped for others is not for us.
        if text[..brace].ends_with(['$', '\\']) {
            let run = rest.find(|c| c != '{').unwrap_or(rest.len());
            self.text(&rest[..run]);
            open.extend(std::iter::repeat_n(Open::Itself, run));
            if text[..brace].ends_with('$') {
                self.left.extend(read().map(|(hole, _)| hole));
            }
            return run;
        }
        if rest.starts_with("{{") {
            self.text("{");
            open.push(Open::Twice);
            return 2;
        }
        let Some((hole, length)) = read() else {
            self.text("{");
            open.push(Open::Itself);
            return 1;
        };
        self.pieces.push(Piece::Hole(hole));
        length
    }

    /// Reads the brace that closes, with which the text begins; says how long it is.
    fn closes(&mut self, rest: &str, open: &mut Vec<Open>) -> usize {
        self.text("}");
        let is_itself = open.last() == Some(&Open::Itself);
        match !is_itself && !rest.starts_with("}}") {
            // Nothing is closed by it.
            true => 1,
            false => {
                open.pop();
                if is_itself { 1 } else { 2 }
            }
        }
    }

    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Text(_) => None,
        })
    }

    /// What stays as it is for the `$` before it, and would be a hole else.
    pub(crate) fn left(&self) -> &[Hole] {
        &self.left
    }

    /// The holes of which the value must be there.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Hole> {
        self.holes().filter(|hole| !hole.optional)
    }

    /// The text with values in its holes, or the one whose value is missing.
    pub(crate) fn fill<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v Value>,
    ) -> Result<String, &Hole> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Hole(hole) => match value(&hole.name) {
                    Some(value) => {
                        // A `String` takes whatever is written.
                        let _ = write(&mut text, value);
                    }
                    None if hole.optional => {}
                    None => return Err(hole),
                },
            }
        }
        Ok(text)
    }
}

/// Writes what fills a hole: text as it is, null as nothing, all else as JSON.
pub(crate) fn write(out: &mut impl fmt::Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => out.write_str(text),
        value => write!(out, "{value}"),
    }
}

fn hole(inside: &str, text: &str, at: usize) -> Option<Hole> {
    let name = inside.trim();
    let (name, optional) = match name.strip_suffix('?') {
        Some(name) => (name, true),
        None => (name, false),
    };
    is_key(name).then(|| Hole {
        name: name.to_owned(),
        optional,
        place: Place::of(text, at),
    })
}

/// Whether a text is the name of a value: letters, digits and `_`, no digit first;
/// and before it the name of a scope or nothing.
pub(crate) fn is_key(text: &str) -> bool {
    let mut scopes = SHARED.into_iter().chain([TEMP]);
    let name = scopes.find_map(|scope| text.strip_prefix(scope));
    let mut letters = name.unwrap_or(text).chars();
    let begins = letters
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    begins && letters.all(|c| c.is_alphanumeric() || c == '_')
}
