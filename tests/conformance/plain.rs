//! Runs without a thread.

use std::sync::Arc;

use serde_json::{Value, json};
use superstep::{Graph, RunError, Update};

use crate::case::{Case, Facts, FactsUpdate, Notes};

/// The record of an action, as the cases have it.
pub(crate) async fn perform(
    case: &Case,
    graph: &Graph<Facts, Notes>,
    notes: &Arc<Notes>,
    action: &Value,
) -> Value {
    let invoke = action
        .get("invoke")
        .expect("without a thread there is only `invoke`");
    let input: FactsUpdate = serde_json::from_value(invoke.clone()).expect("an input");
    let invocation = || graph.invoke(input.clone());
    let from = notes.n_starts();
    let transcript = invocation().context(notes.copy()).transcript().await;
    let result = invocation().context(Arc::clone(notes)).await;
    let steps = notes.steps(from);
    let mut record = json!({ "outcome": "done", "ran": notes.ran(from), "steps": steps });
    match result {
        Ok(run) => {
            assert_eq!(
                sorted(run.ran()),
                steps,
                "{}: what the run says it ran",
                case.name
            );
            let values = values(input, &transcript);
            assert_eq!(
                values.last(),
                Some(&run.state),
                "{}: the two runs agree",
                case.name
            );
            record["values"] = json!(values);
            record["state"] = json!(run.state);
        }
        Err(RunError::RecursionLimit { .. }) => record["outcome"] = "recursion_limit".into(),
        Err(RunError::Conflict { .. }) => record["outcome"] = "conflict".into(),
        Err(RunError::Node { source, .. }) => {
            record["outcome"] = "node_error".into();
            record["error"] = source.to_string().into();
        }
        Err(other) => panic!("{}: no case expects this: {other:?}", case.name),
    }
    record
}

pub(crate) fn sorted(steps: Vec<Vec<superstep::NodeName>>) -> Vec<Vec<String>> {
    let sorted = |step: Vec<superstep::NodeName>| {
        let mut step: Vec<String> = step.into_iter().map(String::from).collect();
        step.sort();
        step
    };
    steps.into_iter().map(sorted).collect()
}

/// The state after the input and after each superstep, equal neighbours once:
/// the updates of a transcript, applied one after another.
pub(crate) fn values(mut input: FactsUpdate, transcript: &superstep::Transcript) -> Vec<Facts> {
    let mut state = Facts::default();
    input.apply(&mut state, &mut 0);
    let mut values = vec![state.clone()];
    for superstep in &transcript.supersteps {
        for task in &superstep.tasks {
            if let Some(writes) = task.writes.clone() {
                let mut update: FactsUpdate = serde_json::from_value(writes).expect("an update");
                update.apply(&mut state, &mut 0);
            }
        }
        values.push(state.clone());
    }
    values.dedup();
    values
}
