//! The text that the user asks about: the arguments, and the file they name.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "usage and complaints are for the terminal"
)]

use std::{
    env,
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
    process::ExitCode,
};

/// The largest file that is read.
const MAX_BYTES: u64 = 5_000_000;

const USAGE: &str = "\
usage: cargo run --example parallel_research [-- FILE]

Reads FILE (text in UTF-8, at most 5 MB; an essay on space exploration if none
is given) and prints its summary, its key terms and questions that it answers.";

/// The document that the arguments ask for: none stands for `default`, one is
/// a file.
///
/// # Errors
///
/// Whatever there is instead has been printed: the usage, or what is wrong with
/// the file. The program is to end with the exit code.
pub(crate) fn document(default: &str) -> Result<Document, ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let path = match (arguments.next(), arguments.next()) {
        (None, _) => default.into(),
        (Some(only), None) if only == "--help" || only == "-h" => {
            println!("{USAGE}");
            return Err(ExitCode::SUCCESS);
        }
        (Some(only), None) => only,
        (Some(_), Some(_)) => {
            eprintln!("{USAGE}");
            return Err(ExitCode::from(2));
        }
    };
    Document::read(Path::new(&path)).map_err(|reason| {
        eprintln!("error: `{}` {reason}", path.display());
        ExitCode::from(2)
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
    /// Reads a file that holds text, and nothing that would upset a terminal.
    fn read(path: &Path) -> Result<Self, String> {
        let text = read(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let is_title = |(line, rest): &(&str, &str)| {
            rest.starts_with('\n') && line.len() <= 80 && !line.ends_with('.')
        };
        let (title, text) = match text.split_once('\n').filter(is_title) {
            Some((line, rest)) if !rest.trim().is_empty() => (line.trim().to_owned(), rest.trim()),
            _ => (name.to_string_lossy().into_owned(), text.as_str()),
        };
        Ok(Self {
            title,
            text: text.to_owned(),
        })
    }
}

/// The text of a file, or what is wrong with it and what to do.
fn read(path: &Path) -> Result<String, String> {
    if path.is_dir() {
        return Err("is a directory: name a file in it".to_owned());
    }
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => "does not exist: check the path".to_owned(),
        _ => format!("cannot be read ({error}): check what it is, and its permissions"),
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // Not by the length the system reports: a pipe or a device has none.
    let mut start = file.take(MAX_BYTES + 1);
    start.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES / 1_000_000;
        return Err(format!("is larger than {limit} MB: give a part of it"));
    }
    if bytes.contains(&0) {
        return Err("is binary (it holds NUL bytes): give a plain text file".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("is not UTF-8 (see byte {place}): save it as UTF-8")
    })?;
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err("is empty: give a file with some sentences in it".to_owned());
    }
    let printable = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    Ok(text.trim().chars().map(printable).collect())
}
