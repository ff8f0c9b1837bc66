//! A library of the essays in `examples/data`, and a full-text search over it, which
//! is SQLite's own: it knows words by their stems, and what says most of rare words
//! comes first.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use serde::Serialize;

/// Passages that can be searched for, by one thread at a time.
pub(crate) struct Library(Mutex<Connection>);

/// A paragraph of an essay.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Passage {
    /// What it is cited by, such as `vaccination-3`.
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Library {
    /// Reads and indexes all essays of a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let files: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
        let paths = files?.into_iter().map(|file| file.path());
        let essays = paths.filter(|path| path.extension() == Some(OsStr::new("txt")));
        let essays = essays.map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), fs::read_to_string(&path)?))
        });
        let essays: BTreeMap<String, String> = essays.collect::<Result<_, Box<dyn Error>>>()?;
        let index = Connection::open_in_memory()?;
        index.execute_batch(
            "CREATE VIRTUAL TABLE passages USING fts5(id UNINDEXED, text, tokenize = 'porter')",
        )?;
        let mut add = index.prepare("INSERT INTO passages VALUES (?1, ?2)")?;
        for (name, text) in essays {
            // The first is the title.
            for (number, text) in (1..).zip(text.split("\n\n").skip(1)) {
                add.execute(params![format!("{name}-{number}"), text.trim()])?;
            }
        }
        drop(add);
        Ok(Self(Mutex::new(index)))
    }

    /// The passages that say most of some words, the best first, and those that are
    /// as good as each other in the order of the library.
    pub(crate) fn search(&self, words: &str, limit: u32) -> rusqlite::Result<Vec<Passage>> {
        let index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut find = index.prepare_cached(
            "SELECT id, text FROM passages WHERE passages MATCH ?1 ORDER BY rank, rowid LIMIT ?2",
        )?;
        let found = find.query_map(params![any_of(words), limit], |row| {
            let (id, text) = (row.get(0)?, row.get(1)?);
            Ok(Passage { id, text })
        })?;
        found.collect()
    }
}

/// The query for what says any of these words: of no words, an empty one. In quotes
/// none of them is an operator.
fn any_of(words: &str) -> String {
    let words = words.split(char::is_whitespace);
    let words = words.map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
    words.collect::<Vec<_>>().join(" OR ")
}
