//! Files that were torn or changed by a fault of the disk: what is read is what
//! was there, or an error that says where it is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use superstep::{OnBusy, RunError, Sqlite};
use tempfile::{TempDir, tempdir};

use crate::chance::{Chance, number};
use crate::drive::{Driver, Place, THREAD, chain};
use crate::work::{QUESTIONS, Workload};

/// How many copies of a file are damaged.
const DAMAGES: u64 = 600;

/// What became of a thread of which the one row that holds its name was hit:
/// nothing says that it ever was there.
const NOT_FOUND: &str = "not found";

/// Stopped in its second round, with results, effects, questions and answers of
/// a superstep that has not ended.
pub(crate) struct Sound {
    folder: TempDir,
    place: Place,
    bytes: Vec<u8>,
    told: String,
}

impl Sound {
    pub(crate) async fn new() -> Self {
        let folder = tempdir().expect("a folder");
        let work = Workload {
            n_bytes: 3000,
            ..QUESTIONS
        };
        let place = Place::new(folder.path(), work);
        let graph = place.graph().await;
        let mut driver = Driver {
            graph: graph.clone(),
            work,
            tools: place.tools(),
            on_busy: OnBusy::Reject,
            chance: Chance::fixed(),
        };
        driver
            .drive_until(|snapshot| snapshot.values.round == 2 && snapshot.interrupts.len() == 4)
            .await;
        let answer = graph.resume_with([("ask/0/sure", "yes"), ("both/0/one", "yes")]);
        let answered = answer.thread(THREAD).context(place.tools()).await;
        answered.expect("it goes on");
        let file = Connection::open(place.file()).expect("it opens");
        file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("all of it is moved into the file");
        let bytes = fs::read(place.file()).expect("it is there");
        let told = read(&place.file(), &place).await.expect("it is sound");
        Self {
            folder,
            place,
            bytes,
            told,
        }
    }

    /// Another file with those bytes.
    pub(crate) fn copy(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("copy.db");
        for beside in ["copy.db-wal", "copy.db-shm"] {
            drop(fs::remove_file(self.folder.path().join(beside)));
        }
        fs::write(&path, bytes).expect("it is written");
        path
    }

    /// Another file that is sound.
    pub(crate) fn whole_copy(&self) -> PathBuf {
        self.copy(&self.bytes)
    }

    /// What can be read of it; an error as its chain.
    pub(crate) async fn read(&self, file: &Path) -> Result<String, String> {
        read(file, &self.place).await
    }
}

/// Everything of the thread, as text.
async fn read(file: &Path, place: &Place) -> Result<String, String> {
    let opened = Sqlite::open(file).await;
    let graph = place.graph_on(opened.map_err(|error| chain(&error))?);
    let thread = graph.thread(THREAD);
    let told = async {
        let head = thread.state().await?;
        let history = thread.history().await?;
        Ok(format!("{head:?}\n{history:?}"))
    };
    told.await.map_err(|error: RunError| {
        let text = chain(&error);
        match error {
            RunError::Checkpoint { .. } => text,
            RunError::UnknownThread { .. } => NOT_FOUND.to_owned(),
            _ => format!("not an error of a store: {text}"),
        }
    })
}

/// Kinds of what came out, and how often.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, (usize, String)>);

impl Tally {
    fn take(&mut self, sound: &Sound, file: &Path, read: Result<String, String>, how: &str) {
        let (kind, said) = match read {
            Ok(told) if told == sound.told => ("right", String::new()),
            Ok(_) => ("another state", how.to_owned()),
            Err(text) => (kind_of(&text, file), format!("{how}: {text}")),
        };
        let (n, examples) = self.0.entry(kind).or_default();
        *n += 1;
        if BAD.contains(&kind) {
            *examples += &format!("\n    {said}");
        }
    }

    #[expect(clippy::print_stderr, reason = "counts are for people")]
    fn check(&self, what: &str) {
        for (kind, (n, examples)) in &self.0 {
            eprintln!("{what}: {n} times {kind}{examples}");
        }
        for bad in BAD {
            assert!(!self.0.contains_key(bad), "{what}: {bad}");
        }
        let n = |kind| self.0.get(kind).map_or(0, |(n, _)| *n);
        assert!(n("a clear error") > 20 * n(NOT_FOUND), "most of it shows");
    }
}

/// What must not come out.
const BAD: [&str; 2] = ["another state", "unclear"];

/// An error is clear if it says what cannot be read, by the file's name or that
/// of what is in it.
fn kind_of(text: &str, file: &Path) -> &'static str {
    let names = text.contains(&file.display().to_string())
        || text.contains("field `")
        || text.contains("checkpoint ")
        || text.contains("entry `");
    if text == NOT_FOUND {
        return NOT_FOUND;
    }
    match names && !text.contains("has ended") && !text.contains("not an error of a store") {
        true => "a clear error",
        false => "unclear",
    }
}

#[tokio::test]
async fn a_torn_file_is_what_it_was_or_a_clear_error() {
    let sound = Sound::new().await;
    let mut chance = Chance::of("torn");
    let mut tally = Tally::default();
    for _ in 0..number("SUPERSTEP_DAMAGES", DAMAGES) / 2 {
        let kept = chance.below(sound.bytes.len());
        let file = sound.copy(&sound.bytes[..kept]);
        let read = sound.read(&file).await;
        tally.take(&sound, &file, read, &format!("{kept} bytes kept"));
    }
    tally.check("torn");
}

#[tokio::test]
async fn a_flipped_bit_leaves_what_was_there_or_a_clear_error() {
    let sound = Sound::new().await;
    let mut chance = Chance::of("flipped");
    let mut tally = Tally::default();
    // Most of what is zero is not in use.
    let used = |at: &usize| sound.bytes[*at] != 0;
    let used: Vec<usize> = (0..sound.bytes.len()).filter(used).collect();
    for _ in 0..number("SUPERSTEP_DAMAGES", DAMAGES) {
        let at = match chance.one_in(4) {
            true => chance.below(sound.bytes.len()),
            false => used[chance.below(used.len())],
        };
        let bit = chance.below(8);
        let mut bytes = sound.bytes.clone();
        bytes[at] ^= 1 << bit;
        let file = sound.copy(&bytes);
        let read = sound.read(&file).await;
        tally.take(&sound, &file, read, &format!("bit {bit} of byte {at}"));
    }
    tally.check("flipped");
}
