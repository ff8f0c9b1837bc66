//! What the arguments of an example name: one file, and its text.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "usage and complaints are for the terminal"
)]

use std::{
    env,
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The largest file that is read.
const MAX_BYTES: u64 = 5_000_000;

/// The file that the arguments ask for, and what `parse` makes of its path and
/// text: none stands for `default` of `examples/data`, one is a file.
///
/// # Errors
///
/// Whatever there is instead has been printed: the usage, or what is wrong with
/// the file. The program is to end with the exit code.
pub(crate) fn file<T>(
    default: &str,
    usage: &str,
    parse: impl FnOnce(&Path, String) -> Result<T, String>,
) -> Result<T, ExitCode> {
    let path = argument(default, usage)?;
    let parsed = text(&path).and_then(|text| parse(&path, text));
    parsed.map_err(|reason| {
        eprintln!("error: `{}` {reason}", path.display());
        ExitCode::from(2)
    })
}

fn argument(default: &str, usage: &str) -> Result<PathBuf, ExitCode> {
    let mut arguments = env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => {
            let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
            Ok(data.join(default))
        }
        (Some(only), None) if only == "--help" || only == "-h" => {
            println!("{usage}");
            Err(ExitCode::SUCCESS)
        }
        (Some(only), None) => Ok(only.into()),
        (Some(_), Some(_)) => {
            eprintln!("{usage}");
            Err(ExitCode::from(2))
        }
    }
}

/// The text of a file, or what is wrong with it and what to do.
fn text(path: &Path) -> Result<String, String> {
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
        return Err("is empty: give a file with something in it".to_owned());
    }
    let printable = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    Ok(text.chars().map(printable).collect())
}
