//! A model that gives work to other agents.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{
    Approval, Chat, Delegate, Graph, MemoryCheckpointer, Message, Reply, Role, RunControl,
    RunError, ScriptedModel, Status, Supervisor, Toolbox, TurnLimit, react_agent, supervisor, tool,
};
use tokio::time::{Instant, sleep};

use crate::common::{add, chain, graph, said};

/// Takes so many seconds as the task says.
fn sleeper(name: &'static str) -> Delegate {
    Delegate::function(name, "Sleeps.", move |task: String, _| async move {
        let seconds: u64 = task.parse()?;
        sleep(Duration::from_secs(seconds)).await;
        NodeResult::Ok(format!("{name} slept {task} s"))
    })
}

/// Calls these, and then says what the last result was.
fn calling<const N: usize>(calls: [(&str, serde_json::Value); N]) -> ScriptedModel {
    let last = Reply::with(|request| {
        let last = request.messages.last().map(ToString::to_string);
        last.unwrap_or_default()
    });
    ScriptedModel::new().on("go", [Reply::calls(calls), last])
}

fn task(seconds: impl Into<String>) -> serde_json::Value {
    json!({ "request": seconds.into() })
}

fn team(model: &ScriptedModel) -> Supervisor {
    supervisor(model.model(), [sleeper("ann"), sleeper("bob")])
}

fn compiled(team: Supervisor) -> Graph<Chat> {
    let graph = team.build().expect("the team is sound");
    graph.compile().expect("the graph is sound")
}

#[tokio::test(start_paused = true)]
async fn agents_that_are_called_together_work_together() {
    let calls = [("bob", task("3")), ("ann", task("2")), ("bob", task("1"))];
    let model = calling(calls);
    let start = Instant::now();
    let transcript = compiled(team(&model))
        .invoke(Chat::ask("go"))
        .transcript()
        .await;
    insta::assert_snapshot!(transcript);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn the_model_reads_results_in_the_order_of_its_calls() {
    let numbers = || json!({ "a": 1, "b": 2 });
    let model = calling([
        ("bob", task("2")),
        ("add", numbers()),
        ("ann", task("1")),
        ("add", json!({})),
    ]);
    let team = team(&model).tools(Toolbox::new().add(add));
    compiled(team).invoke(Chat::ask("go")).await.unwrap();
    let read = model.calls()[1].request.messages.clone();
    let results = read.iter().filter(|message| message.role == Role::Tool);
    let results: Vec<_> = results.map(ToString::to_string).collect();
    assert_eq!(
        results[..3],
        [
            "tool: bob -> bob slept 2 s",
            "tool: add -> 3",
            "tool: ann -> ann slept 1 s",
        ]
    );
    assert!(
        results[3].starts_with("tool: add -> wrong arguments"),
        "{results:?}"
    );
}

#[tokio::test]
async fn agents_can_be_named_at_run_time() {
    let agents = ["ann", "bob"].map(|name| {
        let said = format!("{name} was here");
        let report = move |_: String, _: Ctx| {
            let said = said.clone();
            async move { NodeResult::Ok(said) }
        };
        Delegate::function(format!("{name}_1"), "Reports.", report)
    });
    let names: Vec<_> = agents.iter().map(Delegate::name).collect();
    assert_eq!(names, ["ann_1", "bob_1"]);
    let model = calling([("bob_1", task("")), ("ann_1", task(""))]);
    let graph = compiled(supervisor(model.model(), agents));
    let run = graph.invoke(Chat::ask("go")).await.expect("they report");
    assert_eq!(run.ran()[1], ["bob_1", "ann_1"]);
    assert_eq!(run.state.answer(), "tool: ann_1 -> ann was here");
}

#[tokio::test(start_paused = true)]
async fn whatever_ends_first_the_model_reads_the_same() {
    let graph = compiled(team(&calling([("bob", task("2")), ("ann", task("1"))])));
    explore(&graph, Chat::ask("go")).orders(20).await.unwrap();
}

#[tokio::test]
async fn the_model_is_told_of_the_team() {
    let model = ScriptedModel::new().otherwise("No need.");
    compiled(team(&model))
        .invoke(Chat::ask("hi"))
        .await
        .unwrap();
    let request = &model.calls()[0].request;
    let tools: Vec<_> = request
        .tools
        .iter()
        .map(|tool| (&*tool.name, &*tool.description))
        .collect();
    assert_eq!(tools, [("ann", "Sleeps."), ("bob", "Sleeps.")]);
    assert!(request.messages[0].text().starts_with("You lead a team"));

    let other = ScriptedModel::new().otherwise("No need.");
    let team = team(&other).instruction("Do it yourself.");
    compiled(team).invoke(Chat::ask("hi")).await.unwrap();
    assert_eq!(
        other.calls()[0].request.messages[0].text(),
        "Do it yourself."
    );
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told_to_the_model() {
    let model = calling([("an", task("0")), ("ann", json!({})), ("bob", task("0"))]);
    let run = compiled(team(&model))
        .invoke(Chat::ask("go"))
        .await
        .unwrap();
    assert_eq!(run.ran()[1], ["tools", "bob"]);
    assert_eq!(
        said(&run.state)[2..5],
        [
            "tool: an -> there is no tool `an`, but `ann`, `bob`; \
             did you mean `ann`?",
            "tool: ann -> wrong arguments for `ann`: missing field `request`; \
             it takes `request` (string)",
            "tool: bob -> bob slept 0 s",
        ]
    );
}

#[tokio::test]
async fn tools_of_its_own_run_beside_the_agents() {
    let calls = [("ann", task("0")), ("add", json!({ "a": 1, "b": 2 }))];
    let team = team(&calling(calls)).tools(Toolbox::new().add(add));
    let run = compiled(team).invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(run.ran()[1], ["tools", "ann"]);
    assert_eq!(run.ran()[2], ["supervisor"]);
    assert_eq!(
        said(&run.state)[2..4],
        ["tool: add -> 3", "tool: ann -> ann slept 0 s"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_fails_with_is_told_to_the_model() {
    let late = sleeper("late").timeout(Duration::from_secs(5));
    let agents = [sleeper("ann"), late];
    let calls = [("ann", task("soon")), ("late", task("9"))];
    let graph = compiled(supervisor(calling(calls).model(), agents));
    let run = graph.invoke(Chat::ask("go")).await.unwrap();
    let results = &said(&run.state)[2..4];
    assert_eq!(results[0], "tool: ann -> invalid digit found in string");
    assert!(results[1].contains("5s"), "{results:?}");
    let superstep::Part::ToolResult(result) = &run.state.messages[2].parts[0] else {
        panic!("a result");
    };
    assert!(result.is_error);
}

#[tokio::test]
async fn of_an_agent_that_is_a_graph_the_cause_is_told() {
    let broken = ScriptedModel::new().otherwise(superstep::ModelErrorKind::Auth);
    let agent = react_agent(broken.model(), Toolbox::new()).build();
    let agent = agent.expect("it is sound").compile().expect("it is sound");
    let agents = [Delegate::new("ann", "Knows much.", agent)];
    let calls = calling([("ann", task("news"))]);
    let graph = compiled(supervisor(calls.model(), agents));
    let run = graph.invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(
        said(&run.state)[2],
        "tool: ann -> `scripted`: the key is missing or wrong"
    );
}

#[tokio::test]
async fn a_fatal_agent_fails_the_run() {
    let agents = [sleeper("ann").fatal()];
    let graph = compiled(supervisor(calling([("ann", task("soon"))]).model(), agents));
    let error = graph.invoke(Chat::ask("go")).await.unwrap_err();
    let chain = chain(&error);
    assert_eq!(chain[0], "node `ann/0` failed in superstep 2, attempt 1");
    assert_eq!(chain.last().unwrap(), "invalid digit found in string");
}

/// Pays.
#[tool(approve)]
async fn pay(amount: u32) -> String {
    format!("paid {amount}")
}

/// An agent with a model of its own, which pays when it is asked to.
fn payer() -> Delegate {
    let model = ScriptedModel::new().on(
        "pay",
        [
            Reply::call("pay", json!({ "amount": 7 })),
            Reply::from("It is paid."),
        ],
    );
    let agent = react_agent(model.model(), Toolbox::new().add(pay));
    Delegate::new("payer", "Pays.", graph(agent))
}

#[tokio::test]
async fn a_question_inside_an_agent_pauses_the_thread() {
    let calls = [("payer", task("pay")), ("ann", task("0"))];
    let model = calling(calls);
    let graph = supervisor(model.model(), [payer(), sleeper("ann")])
        .build()
        .unwrap();
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let run = graph.invoke(Chat::ask("go")).thread("t").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(
        run.interrupts()[0].id,
        "payer/0/agent/0/tools/0/call-0-0/approve pay"
    );
    let run = graph.resume(Approval::Yes).thread("t").await.unwrap();
    assert_eq!(
        said(&run.state)[2..],
        [
            "tool: payer -> It is paid.",
            "tool: ann -> ann slept 0 s",
            "assistant: tool: ann -> ann slept 0 s",
        ]
    );
    assert_eq!(model.calls().len(), 2);
}

#[tokio::test]
async fn tokens_say_who_speaks() {
    let inner = ScriptedModel::new().otherwise("I am inside.");
    let inside = graph(react_agent(inner.model(), Toolbox::new()));
    let model = ScriptedModel::new().on("go", [Reply::call("ann", task("go")), "Done.".into()]);
    let graph = compiled(supervisor(
        model.model(),
        [Delegate::new("ann", "", inside)],
    ));
    let mut events = graph.invoke(Chat::ask("go")).stream().tokens();
    let mut told = Vec::new();
    while let Some(token) = events.next().await {
        told.push((token.path().to_owned(), token.node().unwrap().to_string()));
    }
    let nodes: Vec<_> = told.iter().map(|(_, node)| &**node).collect();
    assert_eq!(nodes, ["model", "model", "model", "supervisor"]);
    assert!(told[0].0.starts_with("ann/0"), "{told:?}");
}

#[tokio::test]
async fn a_supervisor_can_be_an_agent_of_another() {
    let lower = compiled(team(&calling([("ann", task("0"))])));
    let upper = ScriptedModel::new().on("go", [Reply::call("team", task("go")), "Good.".into()]);
    let graph = compiled(supervisor(
        upper.model(),
        [Delegate::new("team", "Sleeps.", lower)],
    ));
    let run = graph.invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(
        said(&run.state)[2],
        "tool: team -> tool: ann -> ann slept 0 s"
    );
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Shout {
    text: String,
}

#[tokio::test]
async fn an_agent_can_have_a_state_of_its_own() {
    let loud = StateGraph::<Shout>::new("loud")
        .add_node("shout", async |shout: View<Shout>| {
            Shout::update().text(shout.text.to_uppercase())
        })
        .add_edge(START, "shout")
        .compile()
        .unwrap();
    let loud = Delegate::over(
        "loud",
        "Shouts.",
        loud,
        |task| Shout::update().text(task),
        |shout: &Shout| shout.text.clone(),
    );
    let graph = compiled(supervisor(calling([("loud", task("hey"))]).model(), [loud]));
    let run = graph.invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(said(&run.state)[2], "tool: loud -> HEY");
}

#[tokio::test]
async fn nodes_can_be_added_behind_the_answer() {
    let graph = team(&calling([("ann", task("0"))])).build().unwrap();
    let graph = graph
        .add_node("thank", async |_: View<Chat>| {
            Chat::update().messages(Message::user("Thanks."))
        })
        .add_edge("answer", "thank")
        .compile()
        .unwrap();
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    let run = graph.invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(run.ran().last().unwrap(), &["thank"]);
}

#[tokio::test]
async fn one_that_never_answers_fails_the_run() {
    let model = ScriptedModel::new().otherwise(Reply::call("ann", task("0")));
    let graph = compiled(team(&model).lead(|lead| lead.max_turns(2)));
    let error = graph.invoke(Chat::ask("go")).await.unwrap_err();
    let RunError::Node { source, .. } = &error else {
        panic!("{error:?}");
    };
    let limit = source.downcast_ref::<TurnLimit>().unwrap();
    assert_eq!((limit.turns, &*limit.calls), (2, &["ann".to_owned()][..]));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_drops_the_agents() {
    struct Sets(Arc<AtomicBool>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let dropped = Arc::new(AtomicBool::new(false));
    let sets = Arc::clone(&dropped);
    let waits = Delegate::function("waits", "Waits.", move |_: String, _| {
        let sets = Sets(Arc::clone(&sets));
        async move {
            let _sets = sets;
            std::future::pending::<NodeResult<String>>().await
        }
    });
    let graph = compiled(supervisor(calling([("waits", task(""))]).model(), [waits]));
    let control = RunControl::new();
    let cancels = async {
        sleep(Duration::from_secs(1)).await;
        assert!(!dropped.load(Ordering::Relaxed));
        control.cancel();
    };
    let run = graph.invoke(Chat::ask("go")).control(&control);
    let (ended, ()) = tokio::join!(run, cancels);
    assert!(matches!(ended.unwrap_err(), RunError::Cancelled { .. }));
    assert!(dropped.load(Ordering::Relaxed));
}
