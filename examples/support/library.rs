//! A library of the essays in `examples/data`, and a full-text search over it.

use std::{collections::BTreeMap, ffi::OsStr, fs, io, path::Path};

use bm25::{Document, SearchEngine, SearchEngineBuilder, Tokenizer};
use serde::Serialize;

/// Passages that can be searched for.
pub(crate) struct Library {
    engine: SearchEngine<usize, u32, Words>,
    passages: Vec<Passage>,
}

/// A paragraph of an essay.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Passage {
    /// What it is cited by, such as `vaccination-3`.
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Library {
    /// Reads and indexes all essays of a folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let files: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
        let paths = files?.into_iter().map(|file| file.path());
        let essays = paths.filter(|path| path.extension() == Some(OsStr::new("txt")));
        let essays = essays.map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), fs::read_to_string(&path)?))
        });
        let essays: BTreeMap<String, String> = essays.collect::<io::Result<_>>()?;
        let mut passages = Vec::new();
        for (name, text) in essays {
            // The first is the title.
            for (number, text) in (1..).zip(text.split("\n\n").skip(1)) {
                let (id, text) = (format!("{name}-{number}"), text.trim().to_owned());
                passages.push(Passage { id, text });
            }
        }
        let documents = passages.iter().enumerate();
        let documents = documents.map(|(at, passage)| Document::new(at, passage.text.clone()));
        let documents: Vec<_> = documents.collect();
        let engine = SearchEngineBuilder::with_tokenizer_and_documents(Words, documents).build();
        Ok(Self { engine, passages })
    }

    /// The passages that say most of a query's words, the best first.
    pub(crate) fn search(&self, query: &str, limit: usize) -> Vec<Passage> {
        let mut found = self.engine.search(query, None);
        // What is as good as another comes in the order of the library.
        found.sort_by(|a, b| {
            let better = b.score.total_cmp(&a.score);
            better.then(a.document.id.cmp(&b.document.id))
        });
        let best = found.into_iter().take(limit);
        best.map(|found| self.passages[found.document.id].clone())
            .collect()
    }
}

/// Words in lower case, without those that say nothing.
#[derive(Debug, Default)]
struct Words;

impl Tokenizer for Words {
    fn tokenize(&self, text: &str) -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| word.len() > 3);
        words.map(|word| word.to_lowercase()).collect()
    }
}
