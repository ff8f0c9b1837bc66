//! Whether a graph can go on with a thread that was written by another version
//! of it.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;

use super::entries::Entries;
use super::ledger::read_result;
use super::memory::{Found, Memories};
use super::read::{read_body, read_state};
use super::recall::looked_at;
use super::replay::{Replay, Wanted};
use crate::checkpoint::{CheckpointError, Loaded};
use crate::compile::Frozen;
use crate::node::GraphInside;
use crate::plan::{Frontier, Gone, read_tasks};
use crate::state::State;

/// All reasons why not, each a sentence.
pub(crate) fn incompatible<S: State, C>(graph: &Frozen<S, C>, loaded: Loaded) -> Vec<String> {
    let mut findings = Vec::new();
    let checkpoint = &loaded.checkpoint;
    let body = match read_body(checkpoint) {
        Ok(body) => body,
        Err(error) => return vec![told(&error)],
    };
    let state = match read_state::<S>(checkpoint, &body, &loaded.fields) {
        Ok((state, _)) => Some(state),
        Err(error) => {
            findings.push(told(&error));
            None
        }
    };
    let id = checkpoint.id;
    let (bodies, fields) = (&body.memories, &loaded.fields);
    let memories = Memories::of_checkpoint(&graph.memories, id, bodies, fields);
    let unreadable = unreadable(graph, &memories);
    // Who looks inside would only say it again.
    let looks_inside = unreadable.is_empty();
    findings.extend(unreadable);
    let mut gone = Vec::new();
    let tasks = read_tasks(graph, &body.next, &mut gone);
    Frontier::read(graph, &body, &mut gone);
    findings.extend(gone.into_iter().map(|gone| match gone {
        Gone::Node(node) => format!("it waits at `{node}`, which is not a node of this graph"),
        Gone::Input(worker, error) => {
            format!("what was sent to `{worker}` is not what it takes: {error}")
        }
    }));
    let entries = match Entries::of_graph(graph, &body, loaded.entries) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(told(&error));
            return findings;
        }
    };
    for task in tasks.iter().map(|task| task.id(graph)) {
        let result = entries
            .of(&task.to_string())
            .and_then(|task| task.result.as_deref());
        if let Some(Err(why)) =
            result.map(|json| read_result(graph, &task.node, json, &|_, _| None))
        {
            findings.push(format!("the result of task `{task}` cannot be read: {why}"));
        }
    }
    if let Some(state) = state
        && looks_inside
    {
        let replay = Replay::new(&Arc::new(entries), (id, memories), Wanted::Now);
        if let Err(error) = replay.of_tasks(graph, &Arc::new(state), &tasks) {
            findings.push(told(&error));
        }
    }
    findings
}

/// What a graph remembers, to be read by it.
struct Trial {
    name: String,
    found: Option<Found>,
    result: Result<(), CheckpointError>,
}

/// Why what graphs inside this one remember cannot be read.
fn unreadable<S: State, C>(graph: &Frozen<S, C>, memories: &Memories) -> Vec<String> {
    let tried = graph.memories.iter().map(|memory| {
        let mut trial = Trial {
            name: memory.path.clone(),
            found: Some(memories.look(&memory.path)),
            result: Ok(()),
        };
        let names: Vec<&str> = memory.path.split('/').collect();
        graph.try_memory(&names, &mut trial);
        trial.result
    });
    tried
        .filter_map(|it| it.err().map(|why| told(&why)))
        .collect()
}

/// Tries whether a memory can be read as that state.
pub(super) fn try_memory<S: State>(memory: &mut dyn Any) {
    let Some(trial) = memory.downcast_mut::<Trial>() else {
        unreachable!("only trials are tried");
    };
    if let Some(found) = trial.found.take() {
        trial.result = looked_at::<S>(&trial.name, found).map(drop);
    }
}

/// An error and its causes as one sentence.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
