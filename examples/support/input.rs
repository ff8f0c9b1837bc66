//! The text that the user asks about.

use std::{path::Path, process::ExitCode};

use super::file::file;

const USAGE: &str = "\
usage: cargo run --example parallel_research [-- FILE]

Reads FILE (text in UTF-8, at most 5 MB; an essay on space exploration if none
is given) and prints its summary, its key terms and questions that it answers.";

/// The document that the arguments ask for: none stands for `default`, one is
/// a file.
///
/// # Errors
///
/// Whatever there is instead has been printed. The program is to end with the
/// exit code.
pub(crate) fn document(default: &str) -> Result<Document, ExitCode> {
    file(default, USAGE, |path, text| {
        Ok(Document::of(path, text.trim()))
    })
}

/// A text and its title.
#[derive(Debug)]
pub(crate) struct Document {
    /// The text's first line, if it stands alone and is not a sentence; else
    /// the file's name.
    pub(crate) title: String,
    /// What comes after the title.
    pub(crate) text: String,
}

impl Document {
    fn of(path: &Path, text: &str) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let is_title = |(line, rest): &(&str, &str)| {
            rest.starts_with('\n') && line.len() <= 80 && !line.ends_with('.')
        };
        let (title, text) = match text.split_once('\n').filter(is_title) {
            Some((line, rest)) if !rest.trim().is_empty() => (line.trim().to_owned(), rest.trim()),
            _ => (name.to_string_lossy().into_owned(), text),
        };
        Self {
            title,
            text: text.to_owned(),
        }
    }
}
