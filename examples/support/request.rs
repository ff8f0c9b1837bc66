//! What the user asks of `approve_order`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "usage and complaints are for the terminal"
)]

use std::{env, ffi::OsString, path::PathBuf, process::ExitCode};

use superstep::CheckpointId;

const COMMAND: &str = "cargo run --example approve_order --features sqlite --";

const USAGE: &str = "\
usage: cargo run --example approve_order --features sqlite [-- OPTION...]

An order above 500 waits for a person. Without options, an order of 900 is
begun, or gone on with if it is there.

  --order TOTAL   begin an order of so much
  --answer TEXT   answer what is asked, with yes or no
  --history       show the order's checkpoints, forks as branches
  --rewind ID     go on from that checkpoint, as a fork
  --thread NAME   which order; order-17 if not given
  --file PATH     where orders are kept; a file in the folder for temporary ones
                  if not given";

/// What is to be done, and with which order.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    pub(crate) thread: String,
    pub(crate) file: PathBuf,
    /// The options that say which order, as they were given.
    given: String,
}

#[derive(Debug)]
pub(crate) enum Wish {
    GoOn,
    Order(u32),
    Answer(String),
    History,
    Rewind(CheckpointId),
}

impl Request {
    /// What the arguments say.
    ///
    /// # Errors
    ///
    /// Whatever there is instead has been printed: the usage, or what is wrong
    /// with the arguments. The program is to end with the exit code.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::of(env::args_os().skip(1)).map_err(|wrong| match wrong {
            None => {
                println!("{USAGE}");
                ExitCode::SUCCESS
            }
            Some(wrong) => {
                eprintln!("error: {wrong}\n\n{USAGE}");
                ExitCode::from(2)
            }
        })
    }

    /// What these arguments say, or what is wrong; `None` if only the usage was
    /// asked for.
    fn of(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, Option<String>> {
        let mut request = Self {
            wish: Wish::GoOn,
            thread: "order-17".to_owned(),
            file: env::temp_dir().join("approve_order.db"),
            given: String::new(),
        };
        while let Some(option) = arguments.next() {
            let option = text(option)?;
            let mut value = || {
                let value = arguments.next();
                value.ok_or_else(|| Some(format!("`{option}` needs a value")))
            };
            let wish = match option.as_str() {
                "--help" | "-h" => return Err(None),
                "--history" => Wish::History,
                "--order" => Wish::Order(number(&option, value()?)?),
                "--answer" => Wish::Answer(text(value()?)?),
                "--rewind" => Wish::Rewind(number(&option, value()?)?),
                "--thread" => {
                    request.thread = text(value()?)?;
                    request.given += &format!(" --thread {}", quoted(&request.thread));
                    continue;
                }
                "--file" => {
                    request.file = value()?.into();
                    let file = request.file.to_string_lossy();
                    request.given += &format!(" --file {}", quoted(&file));
                    continue;
                }
                _ => return Err(Some(format!("there is no option `{option}`"))),
            };
            if !matches!(request.wish, Wish::GoOn) {
                return Err(Some("one thing at a time".to_owned()));
            }
            request.wish = wish;
        }
        Ok(request)
    }

    /// The command that asks for the same order again.
    pub(crate) fn command(&self) -> String {
        format!("{COMMAND}{}", self.given)
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:".contains(c);
    match word.chars().all(plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn text(argument: OsString) -> Result<String, Option<String>> {
    let lossy = |text: OsString| format!("`{}` is not UTF-8", text.display());
    argument.into_string().map_err(|text| Some(lossy(text)))
}

fn number<N: std::str::FromStr>(option: &str, value: OsString) -> Result<N, Option<String>> {
    let value = text(value)?;
    let number = value.parse();
    number.map_err(|_| Some(format!("`{option}` needs a whole number, not `{value}`")))
}
