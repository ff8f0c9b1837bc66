//! Runs on a thread.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use superstep::{CheckpointId, Graph, Run, RunError, Snapshot, Source, Status};

use crate::case::{Case, Facts, Notes};

/// The one thread of a case, which must not be there yet.
pub(crate) async fn begin(graph: &Graph<Facts, Notes>) {
    let deleted = graph.thread(graph.name()).delete().await;
    deleted.expect("what is left of another run of the case can be deleted");
}

/// The record of an action, as the cases have it.
pub(crate) async fn perform(
    graph: &Graph<Facts, Notes>,
    notes: &Arc<Notes>,
    action: &Value,
) -> Value {
    let from = notes.n_starts();
    let action = action.as_object().expect("an action is an object");
    let (verb, value) = action
        .iter()
        .find(|(key, _)| *key != "as_node")
        .expect("an action");
    let mut record = match verb.as_str() {
        "update_state" => {
            update(graph, value, &action["as_node"]).await;
            json!({})
        }
        verb => {
            let result = run(graph, notes, verb, value).await;
            let state = result.as_ref().ok().map(|run| run.state.clone());
            let mut record = outcome(result);
            record["ran"] = notes.ran(from).into();
            record["state"] = json!(state);
            record
        }
    };
    let snapshot = graph
        .thread(graph.name())
        .state()
        .await
        .expect("the thread can be read");
    let mut next = snapshot.next.clone();
    next.sort();
    let questions = snapshot.interrupts.iter().map(|asked| asked.value.clone());
    let mut questions: Vec<Value> = questions.collect();
    questions.sort_by_key(ToString::to_string);
    record["next"] = json!(next);
    record["interrupts"] = json!(questions);
    if record.get("state").is_none() {
        record["state"] = json!(snapshot.values);
    }
    record
}

async fn run(
    graph: &Graph<Facts, Notes>,
    notes: &Arc<Notes>,
    verb: &str,
    value: &Value,
) -> Result<Run<Facts>, RunError> {
    let run = match verb {
        "invoke" => graph.invoke(serde_json::from_value(value.clone()).expect("an input")),
        "resume" => graph.resume(value),
        "resume_map" => graph.resume_with(by_id(graph, value).await),
        "continue" => graph.proceed(),
        "fork_step" => graph.proceed().checkpoint(of_step(graph, value).await),
        other => panic!("there is no action `{other}`"),
    };
    run.thread(graph.name()).context(Arc::clone(notes)).await
}

/// Answers by the ids of the questions that they answer.
async fn by_id(graph: &Graph<Facts, Notes>, answers: &Value) -> Vec<(String, Value)> {
    let snapshot = graph
        .thread(graph.name())
        .state()
        .await
        .expect("the thread can be read");
    let answers = answers.as_object().expect("answers by question");
    let open = |question: &str| {
        let asked = snapshot
            .interrupts
            .iter()
            .find(|asked| asked.value == question);
        asked.map_or_else(|| question.to_owned(), |asked| asked.id.clone())
    };
    answers
        .iter()
        .map(|(question, answer)| (open(question), answer.clone()))
        .collect()
}

/// The newest checkpoint of that step.
async fn of_step(graph: &Graph<Facts, Notes>, step: &Value) -> CheckpointId {
    let history = history(graph).await;
    let found = history
        .iter()
        .find(|snapshot| Some(snapshot.step) == step.as_u64());
    found.expect("there is one").id
}

async fn history(graph: &Graph<Facts, Notes>) -> Vec<Snapshot<Facts>> {
    let history = graph.thread(graph.name()).history().await;
    let mut history = history.expect("the thread can be read");
    history.retain(|snapshot| snapshot.source != Source::Fork);
    history
}

async fn update(graph: &Graph<Facts, Notes>, update: &Value, as_node: &Value) {
    let update = serde_json::from_value(update.clone()).expect("an update");
    let node = as_node.as_str().expect("a node");
    let updated = graph
        .thread(graph.name())
        .update(update)
        .as_node(node)
        .await;
    updated.expect("the thread can be written");
}

fn outcome(result: Result<Run<Facts>, RunError>) -> Value {
    let mut record = json!({});
    record["outcome"] = match result {
        Ok(run) if run.status == Status::Interrupted => "interrupted".into(),
        Ok(_) => "done".into(),
        Err(RunError::RecursionLimit { .. }) => "recursion_limit".into(),
        Err(RunError::Conflict { .. }) => "conflict".into(),
        Err(RunError::Node { source, .. }) => {
            record["error"] = source.to_string().into();
            "node_error".into()
        }
        // No case expects this.
        Err(other) => format!("{other:?}").into(),
    };
    record
}

/// What the history differs in from what was expected.
pub(crate) async fn history_differs(
    case: &Case,
    graph: &Graph<Facts, Notes>,
    last: &Value,
) -> Option<String> {
    let expected = case.history.as_ref()?;
    let history = history(graph).await;
    let unfinished = last.get("outcome").is_some_and(|outcome| outcome != "done");
    let shown = history.iter().skip(usize::from(unfinished));
    let shown = shown.map(|snapshot| {
        let mut next = snapshot.next.clone();
        next.sort();
        let mut record = Map::new();
        record.insert("next".to_owned(), json!(next));
        record.insert("state".to_owned(), json!(snapshot.values));
        Value::Object(record)
    });
    let got: Value = shown.collect();
    (got != *expected).then(|| format!("history\n    expected {expected}\n    got      {got}"))
}
