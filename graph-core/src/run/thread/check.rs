//! Whether a graph can go on with a thread that was written by another version
//! of it.

use super::entries::Entries;
use super::ledger::read_result;
use super::load::renamed;
use super::read::{read_body, read_state};
use crate::checkpoint::{CheckpointError, Loaded};
use crate::compile::Frozen;
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
    if let Err(error) = read_state::<S>(checkpoint, &body, &loaded.fields) {
        findings.push(told(&error));
    }
    let mut gone = Vec::new();
    let tasks = read_tasks(graph, &body.next, &mut gone);
    Frontier::read(graph, &body, &mut gone);
    findings.extend(gone.into_iter().map(|gone| match gone {
        Gone::Node(node) => format!("it waits at `{node}`, which is not a node of this graph"),
        Gone::Input(worker, error) => {
            format!("what was sent to `{worker}` is not what it takes: {error}")
        }
    }));
    let entries = Entries::read(loaded.entries, |task| renamed(graph, task));
    let entries = entries.and_then(|mut entries| {
        entries.migrate::<S>(body.version)?;
        Ok(entries)
    });
    let entries = match entries {
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
    findings
}

/// An error and its cause as one sentence.
fn told(error: &CheckpointError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
