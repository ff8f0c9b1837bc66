//! Runs examples.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs an example, which cargo has put beside this test.
pub(crate) fn run(example: &str, arguments: &[impl AsRef<OsStr>]) -> Output {
    let mut example = command(example);
    example.args(arguments);
    example.output().expect("the example starts")
}

/// What a program says on stderr beside the lines about its runs, which begin with
/// their names: `[research-1] …`.
pub(crate) fn complaints(stderr: &[u8]) -> String {
    let said = String::from_utf8_lossy(stderr);
    let lines = said.split_inclusive('\n');
    lines.filter(|line| !line.starts_with('[')).collect()
}

/// An example that is offline, whatever else this machine is set up for.
pub(crate) fn command(example: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("a test is in PROFILE/deps");
    let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    let example = profile.join("examples").join(name);
    assert!(
        example.exists(),
        "the example is not built: run `cargo test` without `--test`, or `cargo build --examples` first"
    );
    let mut command = Command::new(example);
    for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
        command.env_remove(name);
    }
    command
}

/// Makes a file of its own for a test.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("the directory for tests can be written to");
    path
}
