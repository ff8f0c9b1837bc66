//! One life of a process: it looks where its thread is, does what is to be done
//! next, and so on until all is done.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use superstep::{Checkpointer, Graph, Interrupt, OnBusy, RunError, Snapshot, Thread};

use crate::chance::{Chance, hash};
use crate::ledger::{Came, Event, Ledger, Seen};
use crate::races::told_in;
use crate::store::{BoxError, Entry, Store};
use crate::work::{ALL, Tools, Work, Workload, label, place, update_of};

/// More than the longest work takes.
const MOST_ACTS: usize = 400;

pub(crate) const FOLDER: &str = "SUPERSTEP_CRASH_FOLDER";
const WORK: &str = "SUPERSTEP_CRASH_WORK";
pub(crate) const LUCK: &str = "SUPERSTEP_CRASH_LUCK";

/// Where a thread is, and the ledger of those who work at it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) work: Workload,
    pub(crate) store: Store,
}

impl Place {
    /// In a file.
    pub(crate) fn new(folder: &Path, work: Workload) -> Self {
        Self::on(Store::File, folder, work)
    }

    pub(crate) fn on(store: Store, folder: &Path, work: Workload) -> Self {
        Self {
            folder: folder.to_owned(),
            work,
            store,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("runs.db")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    pub(crate) fn tools(&self) -> Arc<Tools> {
        Arc::new(Tools {
            ledger: Ledger::open(&self.ledger()),
            n_bytes: self.work.n_bytes,
        })
    }

    /// The graph, on its store.
    pub(crate) async fn graph(&self) -> Graph<Work, Tools> {
        self.store.open(&self.folder, self.work.graph()).await
    }

    pub(crate) fn graph_on(&self, checkpointer: impl Checkpointer) -> Graph<Work, Tools> {
        let graph = self.work.graph().checkpointer(checkpointer).compile();
        graph.expect("the graph is sound")
    }

    /// This test binary again, to live one life here.
    pub(crate) fn child(&self, luck: u64) -> Command {
        let mut command = test("drive::a_life");
        command
            .env(FOLDER, &self.folder)
            .env(WORK, self.work.name)
            .env(LUCK, luck.to_string());
        self.store.tell(&mut command);
        command
    }
}

/// This test binary again, to run only that test.
pub(crate) fn test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["--exact", name, "--nocapture", "--quiet"]);
    command
}

/// The one thread of a file.
pub(crate) const THREAD: &str = "job";

pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Does nothing unless it was started by another test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life() {
    let (Some(folder), Some(name), Some(luck)) = (variable(FOLDER), variable(WORK), variable(LUCK))
    else {
        return;
    };
    let work = ALL.into_iter().find(|work| *work.name == name);
    let work = work.expect("there is such work");
    let place = Place::on(Store::told(), Path::new(&folder), work);
    let mut chance = Chance::of(&luck.to_string_lossy());
    let tools = place.tools();
    let graph = place.graph().await;
    note_seen(&graph, &place, &tools).await;
    let on_busy = match chance.one_in(2) {
        true => OnBusy::Wait,
        false => OnBusy::Interrupt,
    };
    let mut driver = Driver {
        graph,
        work: place.work,
        tools,
        on_busy,
        chance,
    };
    for _ in 0..place.store.most_late_claims() {
        match driver.drive().await {
            Err(RunError::Stale { .. }) => note_seen(&driver.graph, &place, &driver.tools).await,
            done => return done.expect("it goes on"),
        }
    }
    driver.drive().await.expect("it goes on");
}

async fn note_seen(graph: &Graph<Work, Tools>, place: &Place, tools: &Tools) {
    let seen = look(graph, place).await.expect("it can be read");
    tools.ledger.note(&Event::Seen(seen));
}

/// What is in the store.
pub(crate) async fn look(graph: &Graph<Work, Tools>, at: &Place) -> Result<Option<Seen>, BoxError> {
    let Some((snapshot, entries)) = look_twice(graph, at).await? else {
        return Ok(None);
    };
    let values = &snapshot.values;
    let finished = snapshot
        .finished
        .iter()
        .map(|task| label(task, values))
        .collect();
    let mut seen = Seen {
        head: snapshot.id.number(),
        n_inputs: values.inputs.len(),
        recorded: values.log.iter().cloned().collect(),
        finished,
        open: snapshot
            .interrupts
            .iter()
            .map(|asked| format!("{}@{}", asked.id, place(values)))
            .collect(),
        ..Seen::default()
    };
    let told = values.answers.iter().filter_map(|answer| told_in(answer));
    seen.told = told
        .map(|(target, came)| (target.to_owned(), came.to_owned()))
        .collect();
    for entry in entries {
        let label = label(&entry.task, values);
        if let Some(effect) = entry.key.strip_prefix("once/") {
            seen.kept.insert(format!("{label}/{effect}"));
        } else if entry.key == "result" {
            seen.results.insert(label, came_to(&entry.json)?);
        }
    }
    Ok(Some(seen))
}

/// What a task came to, from its result.
fn came_to(json: &str) -> Result<Came, BoxError> {
    let result: Value = serde_json::from_str(json)?;
    let how = match &result["ended"] {
        Value::Null => "done".to_owned(),
        Value::String(_) => "cancelled".to_owned(),
        ended => match ended["failed"].as_str() {
            Some(why) => format!("failed: {why}"),
            None => "timed out".to_owned(),
        },
    };
    let place = result["place"].as_u64();
    Ok(Came { place, how })
}

/// The head, and what tasks have left since. A server may still write for a
/// process that is dead.
async fn look_twice(
    graph: &Graph<Work, Tools>,
    at: &Place,
) -> Result<Option<(Snapshot<Work>, Vec<Entry>)>, BoxError> {
    let thread = graph.thread(THREAD);
    let mut before = snapshot_of(&thread).await?;
    loop {
        let entries = at.store.entries(&at.folder).await?;
        let Some(after) = snapshot_of(&thread).await? else {
            return Ok(None);
        };
        if before.is_some_and(|before| before.id == after.id) {
            return Ok(Some((after, entries)));
        }
        before = Some(after);
    }
}

/// Where the thread is; nothing if it is not there.
async fn snapshot_of(thread: &Thread<Work, Tools>) -> Result<Option<Snapshot<Work>>, RunError> {
    match thread.state().await {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(RunError::UnknownThread { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error with its causes, as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Whether a thread is not where it was.
fn have_moved(before: Option<&Snapshot<Work>>, after: Option<&Snapshot<Work>>) -> bool {
    let place = |snapshot: &Snapshot<Work>| {
        let asked = snapshot.interrupts.iter().map(|asked| asked.id.clone());
        (snapshot.id, asked.collect::<Vec<_>>())
    };
    before.map(place) != after.map(place)
}

/// Who does what is to be done.
pub(crate) struct Driver {
    pub(crate) graph: Graph<Work, Tools>,
    pub(crate) work: Workload,
    pub(crate) tools: Arc<Tools>,
    pub(crate) on_busy: OnBusy,
    pub(crate) chance: Chance,
}

/// What is to be done next.
enum Act {
    Begin(usize),
    Proceed,
    Answer(Vec<(String, Value)>),
    Edit(String),
    /// Writes in the place of `work`.
    Replace(String),
}

impl Driver {
    /// Works until all is done. A node that fails is begun anew; every other
    /// error ends it.
    pub(crate) async fn drive(&mut self) -> Result<(), RunError> {
        let thread = self.graph.thread(THREAD);
        for _ in 0..MOST_ACTS {
            let snapshot = snapshot_of(&thread).await?;
            let Some(act) = self.next(snapshot.as_ref()) else {
                return Ok(());
            };
            match self.perform(act).await {
                Ok(()) => {}
                Err(RunError::Node { source, .. }) if source.to_string() == "not yet" => {}
                Err(RunError::Join { .. }) => self.tools.ledger.note(&Event::Short),
                // Somebody who is dead has come before it.
                Err(RunError::Unfinished { .. } | RunError::UnknownInterrupt { .. })
                    if have_moved(snapshot.as_ref(), snapshot_of(&thread).await?.as_ref()) => {}
                Err(error) => return Err(error),
            }
        }
        panic!("the work has no end");
    }

    /// Works until the thread is where that says, which it comes to.
    pub(crate) async fn drive_until(&mut self, is_there: impl Fn(&Snapshot<Work>) -> bool) {
        let thread = self.graph.thread(THREAD);
        for _ in 0..MOST_ACTS {
            let snapshot = snapshot_of(&thread).await.expect("it can be read");
            if snapshot.as_ref().is_some_and(&is_there) {
                return;
            }
            let act = self.next(snapshot.as_ref()).expect("it is not done yet");
            self.perform(act).await.expect("it goes on");
        }
        panic!("the work has no end");
    }

    fn next(&mut self, snapshot: Option<&Snapshot<Work>>) -> Option<Act> {
        let Some(snapshot) = snapshot else {
            return Some(Act::Begin(0));
        };
        let n_inputs = snapshot.values.inputs.len();
        if snapshot.next.is_empty() && snapshot.finished.is_empty() {
            return (n_inputs < self.work.n_runs).then_some(Act::Begin(n_inputs));
        }
        if !snapshot.interrupts.is_empty() {
            return Some(Act::Answer(self.answers(&snapshot.interrupts)));
        }
        let stops = self.work.edits && snapshot.next == ["work"];
        let edit = format!("edit {}", place(&snapshot.values));
        Some(match stops && !snapshot.values.edits.contains(&edit) {
            true if snapshot.values.round % 3 == 0 => Act::Replace(label("work", &snapshot.values)),
            true => Act::Edit(edit),
            false => Act::Proceed,
        })
    }

    /// Answers to all questions, or to one.
    fn answers(&mut self, asked: &[Interrupt]) -> Vec<(String, Value)> {
        let mut answers: Vec<(String, Value)> = asked
            .iter()
            .map(|asked| {
                let answer = format!("{} {}", asked.id, hash(&asked.value.to_string()));
                (asked.id.clone(), json!(answer))
            })
            .collect();
        if self.chance.one_in(2) {
            let only = self.chance.below(answers.len());
            answers = vec![answers.swap_remove(only)];
        }
        answers
    }

    async fn perform(&self, act: Act) -> Result<(), RunError> {
        let graph = &self.graph;
        let run = match act {
            Act::Begin(number) => graph.invoke(Work::update().inputs(format!("input {number}"))),
            Act::Proceed => graph.proceed(),
            Act::Answer(answers) => graph.resume_with(answers),
            Act::Edit(edit) => {
                let update = graph.thread(THREAD).update(Work::update().edits(edit));
                return update.on_busy(self.on_busy).await.map(drop);
            }
            Act::Replace(label) => {
                let update = update_of(&label, self.work.n_bytes);
                let update = graph.thread(THREAD).update(update).as_node("work");
                return update.on_busy(self.on_busy).await.map(drop);
            }
        };
        run.thread(THREAD)
            .context(Arc::clone(&self.tools))
            .durability(self.work.durability)
            .on_busy(self.on_busy)
            .await
            .map(drop)
    }
}
