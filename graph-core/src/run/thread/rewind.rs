//! Going back inside a superstep: to one of the supersteps of a graph in it.
//!
//! 1. What a superstep's tasks have left is kept when the next checkpoint is written,
//!    if graphs were among them, and marked as over.
//! 2. Going back is a fork. It begins with what was left before that place: by the
//!    supersteps inside before it, and by the siblings of each task on the way.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::error::RunError;
use super::call::Begin;
use super::drive::{End, Threaded};
use super::entries::{BREAKPOINT, Entries, OVER, RESULT};
use super::inspect::way_before;
use super::memory::Memories;
use super::options::Durability;
use super::read::read_body;
use super::replay::{Replay, Step, Wanted, path_of};
use super::within::{renamed, unknown, unknown_thread};
use crate::checkpoint::{Commit, EntryRecord, Source};
use crate::compile::Frozen;
use crate::id::CheckpointId;
use crate::plan::Task;
use crate::state::State;

/// A superstep of a graph inside.
struct Place {
    way: VecDeque<Step>,
    superstep: u64,
}

impl Place {
    fn of<S: State, C>(graph: &Frozen<S, C>, text: &str) -> Result<Self, RunError> {
        let odd = || {
            unknown(
                text,
                "a place inside is the path of a subgraph and a superstep of it: `review/0/2`"
                    .to_owned(),
            )
        };
        let (path, superstep) = text.rsplit_once('/').ok_or_else(odd)?;
        if path.split('/').count() % 3 != 2 {
            return Err(odd());
        }
        let number = superstep.parse().map_err(|_| odd())?;
        Ok(Self {
            superstep: number,
            way: way_before(graph, path, &format!("/{superstep}"))?,
        })
    }

    /// The path of the run.
    fn path(&self) -> String {
        path_of(self.way.iter().cloned())
    }

    /// Whether what a task has left is of a time before the place, or beside it.
    fn keeps(&self, task: &str, key: &str) -> bool {
        let mut around = String::new();
        let mut steps = self.way.iter().peekable();
        while let Some(Step { node, send, .. }) = steps.next() {
            let run = format!("{around}{node}/{send}");
            let is_task = task == format!("{around}{node}") || (task == run && !is_stop(key));
            if is_task {
                // It has not ended yet.
                return key != RESULT;
            }
            let until = steps.peek().map_or(self.superstep, |step| step.superstep);
            if task == run {
                return stop_of(key).is_some_and(|superstep| superstep <= until);
            }
            let Some(inside) = task.strip_prefix(&format!("{run}/")) else {
                // A sibling, or what is inside one.
                return true;
            };
            let (superstep, _) = inside.split_once('/').unwrap_or_default();
            let superstep: u64 = superstep.parse().unwrap_or(u64::MAX);
            if superstep != until || steps.peek().is_none() {
                return superstep < until;
            }
            around = format!("{run}/{superstep}/");
        }
        true
    }
}

fn is_stop(key: &str) -> bool {
    stop_of(key).is_some()
}

/// Before which superstep a run inside has stopped, if an entry says that.
fn stop_of(key: &str) -> Option<u64> {
    let (kind, superstep) = key.split_once('/')?;
    superstep.parse().ok().filter(|_| kind == BREAKPOINT)
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// The superstep ends: says whether what its tasks have left is kept, and writes
    /// down all of it then.
    pub(super) async fn keep_inside(&mut self) -> Result<bool, RunError> {
        let came = self.ledger.end();
        let keeps = (came || self.entries.have_inside())
            && self.line.durability != Durability::Exit
            && !self.line.forks();
        if keeps {
            let over = EntryRecord::new("", OVER, Some("true".to_owned()));
            self.line.put(vec![over]).await?;
        }
        Ok(keeps)
    }

    /// Goes on from a place inside, as a fork.
    pub(super) async fn go_on_inside(
        &mut self,
        graph: &Frozen<S, C>,
        begin: Begin,
        place: &str,
    ) -> Result<End, RunError> {
        let answers = match begin {
            Begin::Proceed => None,
            // What it asked was answered once: it asks again first.
            Begin::Resume(answers) => Some(answers),
            Begin::Input => {
                return Err(RunError::NoThread {
                    what: "an input is given to the thread's own graph, and not to one inside it",
                    help: "go on from inside with `graph.proceed()` or `graph.resume(answer)`",
                });
            }
        };
        let mut tasks = Vec::new();
        self.rewind(graph, place, &mut tasks).await?;
        self.progress.tell_end_of(std::iter::empty(), true);
        self.go_on(graph, &mut tasks, answers).await
    }

    async fn rewind(
        &mut self,
        graph: &Frozen<S, C>,
        text: &str,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let place = Place::of(graph, text)?;
        let Some(loaded) = self.fetch(self.call.checkpoint).await? else {
            return Err(unknown_thread(&*self.line.store, &self.line.thread).await);
        };
        let body = read_body(&loaded.checkpoint).map_err(|error| self.line.failed(error))?;
        let (id, left) = (loaded.checkpoint.id, loaded.entries.clone());
        let (memories, fields) = (&body.memories, &loaded.fields);
        let memories = Memories::of_checkpoint(&graph.memories, id, memories, fields);
        self.take_loaded(graph, loaded, &body, tasks)?;
        let entries = Entries::of_graph(graph, &body, left.clone());
        self.entries = Arc::new(entries.map_err(|error| self.line.failed(error))?);
        self.check_place(graph, (id, memories), (&place, text), tasks)?;

        let kept = left.into_iter().filter(|entry| {
            let stays = !matches!(entry.key.as_str(), BREAKPOINT | OVER);
            stays && place.keeps(&renamed(graph, &entry.task), &entry.key)
        });
        let kept = kept.map(|entry| self.as_it_is_now(graph, entry));
        let mut kept: Vec<EntryRecord> = kept.collect();
        // As every fork does, it goes past a breakpoint where it begins.
        let passed = format!("{BREAKPOINT}/{}", place.superstep);
        kept.push(EntryRecord::new(
            &place.path(),
            &passed,
            Some("true".into()),
        ));
        let entries = Entries::of_now(kept.clone()).map_err(|error| self.line.failed(error))?;

        self.keep_inside().await?;
        let step = self.line.head.map_or(0, |head| head.step);
        let commit = self.checkpoint(graph, Source::Fork, step, &[], tasks)?;
        let commit = Commit {
            entries: kept,
            drop_entries_of: None,
            ..commit
        };
        self.line.commit(commit).await?;
        self.entries = Arc::new(entries);
        Ok(())
    }

    /// The run inside must have come to that superstep.
    fn check_place(
        &self,
        graph: &Frozen<S, C>,
        (checkpoint, memories): (CheckpointId, Memories),
        (place, text): (&Place, &str),
        tasks: &[Task],
    ) -> Result<(), RunError> {
        let wanted = Wanted::All(place.way.clone());
        let replay = Replay::new(&self.entries, (checkpoint, memories), wanted);
        let found = replay.of_tasks(graph, &self.progress.state, tasks)?;
        let mut there = found.iter().filter(|snapshot| {
            let ends = snapshot.next.is_empty() && snapshot.finished.is_empty();
            snapshot.superstep == place.superstep && !ends
        });
        if there.next().is_some() {
            return Ok(());
        }
        let path = place.path();
        Err(unknown(
            text,
            match found.last() {
                None => format!("nothing is known of `{path}` in checkpoint {checkpoint}"),
                Some(last) => {
                    let ends = last.next.is_empty() && last.finished.is_empty();
                    let most = last.superstep - u64::from(ends);
                    format!("the supersteps of `{path}` in checkpoint {checkpoint} are 1 to {most}")
                }
            },
        ))
    }
}
