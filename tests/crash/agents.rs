//! Agents: two at the same time, each of which calls tools until it knows enough, one
//! of these only if somebody agrees, and a third that puts together what they say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use superstep::{
    Approval, CurrentTask, Graph, Interrupt, LlmAgent, MemoryCheckpointer, Message, Model,
    ModelRequest, OnBusy, ParallelAgent, Reply, Role, RunError, ScriptedModel, SequentialAgent,
    Session, Snapshot, StateGraph, ToolCtx, Toolbox, tool,
};
use tempfile::tempdir;

use crate::chance::{Chance, hash};
use crate::drive::{FOLDER, LUCK, Place, THREAD, chain, test, variable};
use crate::kill::{Doom, MOST_MORE, born, lives, wanted};
use crate::ledger::{Event, Ledger, Seen, events};
use crate::work::{self, LEASE, Workload, take_a_while};

/// After so many, a thread is left to come to its end.
const MOST_KILLS_OF_A_THREAD: usize = 30;

/// What the user says.
const SAID: [&str; 3] = ["tea", "ink", "rope"];

/// How often an agent calls tools before it answers.
const ROUNDS: usize = 2;

/// More than it takes.
const MOST_ACTS: usize = 100;

/// What its place and its ledger are called after.
const WORK: Workload = Workload {
    name: "agents",
    ..work::LOOP
};

/// What the tools write to.
struct Crew {
    ledger: Ledger,
}

/// Counts what there is of an item.
#[tool]
async fn count(item: String, crew: ToolCtx<Crew>) -> String {
    act(&crew).await;
    format!("there is {item}")
}

/// Buys an item.
#[tool(approve)]
async fn buy(item: String, crew: ToolCtx<Crew>) -> String {
    act(&crew).await;
    format!("got {item}")
}

/// Has an effect, which is a line in the ledger.
async fn act(crew: &ToolCtx<Crew>) {
    let task = CurrentTask::get().expect("it is in a run");
    let path = format!("{}/{}", task.path(), task.node());
    let label = label(&path, &crew.call().id).expect("an agent calls it");
    crew.ledger.start(&label);
    take_a_while(&label).await;
    crew.ledger.note(&Event::End(label));
}

const AGENTS: [&str; 2] = ["clerk", "scout"];

/// What a call is known by, of an agent that a task's path names.
fn label(task: &str, call: &str) -> Option<String> {
    let agent = task.split('/').find(|part| AGENTS.contains(part))?;
    Some(format!("{agent}/{call}"))
}

fn agents() -> StateGraph<Session, Crew> {
    let tools = || Toolbox::new().add(count).add(buy);
    let agent = |name| LlmAgent::new(name).tools(tools()).output_key(name);
    let work = ParallelAgent::new("work", AGENTS.map(agent));
    let tell = LlmAgent::new("tell").instruction("{clerk}, {scout}");
    let model = ScriptedModel::new()
        .on_node("tell", Reply::with(|request| request.messages[0].text()))
        .otherwise(Reply::with(reply));
    let shop = SequentialAgent::new("shop", (work, tell)).model(Model::new(model));
    let graph = shop.build_with_context();
    graph.expect("the agents are sound").lease(LEASE)
}

/// Calls of tools, and then what they came to.
fn reply(request: &ModelRequest) -> Reply {
    let messages = request.messages.iter().rev();
    let since: Vec<&Message> = messages
        .take_while(|message| message.role != Role::User)
        .collect();
    let results = since.iter().filter(|message| message.role == Role::Tool);
    let results: Vec<String> = results.map(ToString::to_string).collect();
    if results.len() == 2 * ROUNDS {
        return results.join("; ").into();
    }
    let mut messages = request.messages.iter().rev();
    let user = messages.find(|message| message.role == Role::User);
    let item = user.map(Message::text).unwrap_or_default();
    let arguments = serde_json::json!({ "item": format!("{item} {}", results.len()) });
    Reply::calls([("count", arguments.clone()), ("buy", arguments)])
}

/// Where the thread is, and what is to be done there.
enum Act {
    Ask(&'static str),
    Answer(Vec<(String, Approval)>),
    Proceed,
}

fn next(snapshot: Option<&Snapshot<Session>>, chance: &mut Chance) -> Option<Act> {
    let Some(snapshot) = snapshot else {
        return Some(Act::Ask(SAID[0]));
    };
    if !snapshot.interrupts.is_empty() {
        let mut answers: Vec<_> = snapshot.interrupts.iter().map(answer).collect();
        if chance.one_in(2) {
            answers = vec![answers.swap_remove(chance.below(answers.len()))];
        }
        return Some(Act::Answer(answers));
    }
    if !snapshot.next.is_empty() || !snapshot.finished.is_empty() {
        return Some(Act::Proceed);
    }
    let messages = snapshot.values.messages.iter();
    let n_said = messages
        .filter(|message| message.role == Role::User)
        .count();
    SAID.get(n_said).map(|said| Act::Ask(said))
}

/// By the question, so that it is the same in each life.
fn answer(asked: &Interrupt) -> (String, Approval) {
    let answer = match hash(&asked.value["arguments"].to_string()) % 3 {
        0 => Approval::No("there is enough".to_owned()),
        _ => Approval::Yes,
    };
    (asked.id.clone(), answer)
}

/// Works until all is said.
async fn drive(graph: &Graph<Session, Crew>, crew: &Arc<Crew>, mut chance: Chance) {
    let on_busy = match chance.one_in(2) {
        true => OnBusy::Wait,
        false => OnBusy::Interrupt,
    };
    for _ in 0..MOST_ACTS {
        let snapshot = look(graph).await;
        let run = match next(snapshot.as_ref(), &mut chance) {
            None => return,
            Some(Act::Ask(said)) => graph.invoke(Session::ask(said)),
            Some(Act::Answer(answers)) => graph.resume_with(answers),
            Some(Act::Proceed) => graph.proceed(),
        };
        let run = run.thread(THREAD).context(Arc::clone(crew));
        if let Err(error) = run.on_busy(on_busy).await {
            panic!("{}", chain(&error));
        }
    }
    panic!("the work has no end");
}

/// Where the thread is; nothing if it is not there.
async fn look(graph: &Graph<Session, Crew>) -> Option<Snapshot<Session>> {
    match graph.thread(THREAD).state().await {
        Ok(snapshot) => Some(snapshot),
        Err(RunError::UnknownThread { .. }) => None,
        Err(error) => panic!("{}", chain(&error)),
    }
}

/// The calls whose results are in the file.
async fn kept(graph: &Graph<Session, Crew>, place: &Place) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    let Some(snapshot) = look(graph).await else {
        return kept;
    };
    for message in &snapshot.values.messages {
        for call in message.tool_calls() {
            kept.extend(label(message.name.as_deref().unwrap_or_default(), &call.id));
        }
    }
    for entry in place
        .store
        .entries(&place.folder)
        .await
        .expect("it is read")
    {
        let mut of_results = Vec::new();
        let json = serde_json::from_str(&entry.json).expect("it is JSON");
        results(&json, &mut of_results);
        kept.extend(
            of_results
                .iter()
                .filter_map(|call| label(&entry.task, call)),
        );
    }
    kept
}

/// The calls whose results are somewhere in there.
fn results(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            if let (Some(Value::String(call)), Some(_)) =
                (fields.get("call"), fields.get("content"))
            {
                found.push(call.clone());
            }
            fields.values().for_each(|value| results(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| results(value, found)),
        _ => {}
    }
}

/// Does nothing unless it was started by another test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life() {
    let (Some(folder), Some(luck)) = (variable(FOLDER), variable(LUCK)) else {
        return;
    };
    let place = Place::new(Path::new(&folder), WORK);
    let ledger = Ledger::open(&place.ledger());
    let graph = place.store.open(&place.folder, agents()).await;
    let kept = kept(&graph, &place).await;
    ledger.note(&Event::Seen(Some(Seen {
        kept,
        ..Seen::default()
    })));
    let crew = Arc::new(Crew { ledger });
    drive(&graph, &crew, Chance::of(&luck.to_string_lossy())).await;
}

/// What was said, and how it came about, but for times.
async fn told(graph: &Graph<Session, Crew>) -> Vec<String> {
    let history = graph.thread(THREAD).history().await;
    let history = history.expect("the history can be read");
    let told = history.iter().rev().map(|snapshot| {
        let values = serde_json::to_string(&snapshot.values).expect("a state is JSON");
        let (step, ran) = (snapshot.step, &snapshot.ran);
        format!(
            "{} after {:?}, step {step}, {ran:?}: {values}",
            snapshot.id, snapshot.parent
        )
    });
    told.collect()
}

/// The history of what nobody disturbs, and the calls that are made in it.
async fn undisturbed() -> (Vec<String>, BTreeSet<String>) {
    let folder = tempdir().expect("a folder");
    let place = Place::new(folder.path(), WORK);
    let crew = Arc::new(Crew {
        ledger: Ledger::open(&place.ledger()),
    });
    let graph = agents().checkpointer(MemoryCheckpointer::new()).compile();
    let graph = graph.expect("the graph is sound");
    drive(&graph, &crew, Chance::fixed()).await;
    let mut ended = BTreeSet::new();
    for event in events(&place.ledger()) {
        if let Event::End(label) = event {
            assert!(ended.insert(label), "each call is made once");
        }
    }
    (told(&graph).await, ended)
}

/// No call is made again whose result was there; and how many results outlived
/// their process.
fn check_ledger(place: &Place, calls: &BTreeSet<String>) -> usize {
    let (mut kept, mut now, mut ended) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in events(&place.ledger()) {
        match event {
            Event::Seen(seen) => {
                kept.extend(seen.unwrap_or_default().kept);
                now.clear();
            }
            Event::Start(label) => {
                assert!(
                    !kept.contains(&label),
                    "`{label}` was done, and is done again"
                );
                assert!(now.insert(label.clone()), "`{label}` is done twice");
            }
            Event::End(label) => drop(ended.insert(label)),
            other => panic!("nobody writes {other:?}"),
        }
    }
    assert_eq!(&ended, calls);
    kept.len()
}

#[test]
fn agents_say_the_same_and_call_nothing_twice() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (expected, calls) = runtime.block_on(undisturbed());
    let mut chance = Chance::of(WORK.name);
    let (mut n_kills, mut n_kept) = (0, 0);
    while n_kills < wanted() || (n_kept == 0 && n_kills < MOST_MORE * wanted()) {
        let folder = tempdir().expect("a folder");
        let place = Place::new(folder.path(), WORK);
        for n_kills_here in 0.. {
            let doom = match n_kills_here < MOST_KILLS_OF_A_THREAD {
                true => Doom::by(&mut chance, 2 * calls.len()),
                false => Doom::Never,
            };
            let luck = chance.next();
            let mut command = test("agents::a_life");
            command
                .env(FOLDER, &place.folder)
                .env(LUCK, luck.to_string());
            if !lives(born(command, &place), doom, &place, luck) {
                break;
            }
            n_kills += 1;
        }
        let graph = runtime.block_on(place.store.open(&place.folder, agents()));
        assert_eq!(runtime.block_on(told(&graph)), expected);
        n_kept += check_ledger(&place, &calls);
    }
    assert!(n_kept > 0, "something outlives its process");
}
