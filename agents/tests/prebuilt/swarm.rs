//! Agents that hand a conversation to each other.

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Chat, Graph, MemoryCheckpointer, Message, ReactAgent, Reply, Role, RunError, ScriptedModel,
    Swarm, Toolbox, TurnLimit, react_agent, swarm,
};

use crate::common::{add, said};

fn agent(name: &str, model: &ScriptedModel) -> ReactAgent {
    react_agent(model.model(), Toolbox::new().add(add))
        .named(name)
        .description(format!("Is {name}."))
        .instruction(format!("You are {name}."))
}

/// Hands over to that one.
fn hands(to: &str) -> Reply {
    Reply::call("transfer_to_agent", json!({ "agent_name": to }))
}

fn kept(swarm: Swarm) -> Graph<Chat> {
    let graph = swarm.build().expect("the agents are sound");
    let graph = graph.checkpointer(MemoryCheckpointer::new()).compile();
    graph.expect("the graph is sound")
}

/// Ann hands over to Bob when it is about sums; Bob knows sums only.
fn pair() -> (ScriptedModel, Graph<Chat>) {
    let model = ScriptedModel::new()
        .when(
            |request, _| request.messages[0].text().contains("You are ann"),
            Reply::with(|request| {
                let asked = request
                    .messages
                    .iter()
                    .rfind(|said| said.role == Role::User);
                match asked.is_some_and(|said| said.text().contains("sum")) {
                    true => hands("bob"),
                    false => Reply::from("Hello."),
                }
            }),
        )
        .on("back", hands("ann"))
        .on("sum", "3");
    let swarm = swarm([agent("ann", &model), agent("bob", &model)], "ann");
    (model, kept(swarm))
}

#[tokio::test]
async fn the_conversation_is_handed_over() {
    let (model, graph) = pair();
    let transcript = graph
        .invoke(Chat::ask("a sum"))
        .thread("t")
        .transcript()
        .await;
    insta::assert_snapshot!(transcript);
    let asked = model.calls_of("bob");
    let asked: Vec<_> = asked[0]
        .request
        .messages
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(asked[0].starts_with("system: You are bob."));
    assert_eq!(
        asked[1..],
        [
            "user: a sum",
            r#"assistant (ann): transfer_to_agent({"agent_name":"bob"})"#,
            "tool: transfer_to_agent -> `bob` has the floor now",
        ]
    );
}

#[tokio::test]
async fn the_next_input_goes_to_whoever_has_the_word() {
    let (_, graph) = pair();
    let run = graph.invoke(Chat::ask("hi")).thread("t").await.unwrap();
    assert_eq!(run.ran(), [["ann"], ["answer"]]);
    let run = graph.invoke(Chat::ask("a sum")).thread("t").await.unwrap();
    assert_eq!(run.ran(), [["ann"], ["bob"], ["answer"]]);
    assert_eq!(run.state.active.as_deref(), Some("bob"));
    let run = graph
        .invoke(Chat::ask("another sum"))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.ran(), [["bob"], ["answer"]]);
    let run = graph.invoke(Chat::ask("back")).thread("t").await.unwrap();
    assert_eq!(run.ran(), [["bob"], ["ann"], ["answer"]]);
    assert_eq!(said(&run.state).last().unwrap(), "assistant (ann): Hello.");

    // Another thread begins with the first.
    let run = graph.invoke(Chat::ask("hi")).thread("u").await.unwrap();
    assert_eq!(run.ran(), [["ann"], ["answer"]]);
}

#[tokio::test]
async fn whoever_is_gone_has_no_word() {
    let (_, graph) = pair();
    let input = Chat::ask("hi").active("carl".to_owned());
    let run = graph.invoke(input).thread("t").await.unwrap();
    assert_eq!(run.ran(), [["ann"], ["answer"]]);
}

#[tokio::test]
async fn others_are_told_as_tools() {
    let (model, graph) = pair();
    graph.invoke(Chat::ask("hi")).thread("t").await.unwrap();
    let request = &model.calls()[0].request;
    let tools: Vec<_> = request
        .tools
        .iter()
        .map(|tool| (&*tool.name, &*tool.description))
        .collect();
    let transfer = (
        "transfer_to_agent",
        "Hands the conversation on to another agent, who answers in your place.",
    );
    assert_eq!(tools, [("add", "Adds two numbers."), transfer]);
    assert_eq!(
        request.tools[1].parameters["properties"]["agent_name"]["enum"],
        json!(["bob"])
    );
    assert_eq!(
        request.messages[0].text(),
        "You are ann.\n\nYou can hand the conversation on with the tool `transfer_to_agent`, if \
         one of these agents is better placed to answer; else answer yourself.\n- `bob`: Is bob."
    );
}

#[tokio::test]
async fn only_one_can_go_on() {
    let calls = [
        ("transfer_to_agent", json!({ "agent_name": "ghost" })),
        ("transfer_to_agent", json!({ "agent_name": "bob" })),
        ("add", json!({ "a": 1, "b": 2 })),
        ("transfer_to_agent", json!({ "agent_name": "cleo" })),
    ];
    let ann = ScriptedModel::new().otherwise(Reply::calls(calls));
    let others = ScriptedModel::new().otherwise("Here I am.");
    let agents = [
        agent("ann", &ann),
        agent("bob", &others),
        agent("cleo", &others),
    ];
    let run = kept(swarm(agents, "ann"))
        .invoke(Chat::ask("go"))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(
        said(&run.state)[2..],
        [
            "tool: transfer_to_agent -> there is no agent `ghost`, but `bob`, `cleo`",
            "tool: transfer_to_agent -> `bob` has the floor now",
            "tool: add -> 3",
            "tool: transfer_to_agent -> only the first can go on",
            "assistant (bob): Here I am.",
        ]
    );
}

#[tokio::test]
async fn who_may_not_hand_over_does_not() {
    let ann = ScriptedModel::new().otherwise(Reply::turns([hands("bob"), Reply::from("Well.")]));
    let bob = ScriptedModel::new().otherwise("Here I am.");
    let stays = agent("ann", &ann).before_tool(|call, _, _| async move {
        Ok(std::ops::ControlFlow::Break(call.result("stay here")))
    });
    let run = kept(swarm([stays, agent("bob", &bob)], "ann"))
        .invoke(Chat::ask("go"))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.ran(), [["ann"], ["answer"]]);
    assert_eq!(run.state.answer(), "Well.");
}

#[tokio::test]
async fn agents_that_hand_over_for_ever_fail_the_run() {
    let ann = ScriptedModel::new().otherwise(hands("bob"));
    let bob = ScriptedModel::new().otherwise(hands("ann"));
    let agents = [
        agent("ann", &ann).max_turns(4),
        agent("bob", &bob).max_turns(4),
    ];
    let error = kept(swarm(agents, "bob"))
        .invoke(Chat::ask("go"))
        .thread("t")
        .await;
    let error = error.unwrap_err();
    let RunError::Node { node, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(node.to_string(), "bob");
    let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let limit = causes.find_map(|error| error.downcast_ref::<TurnLimit>());
    assert_eq!(limit.unwrap().turns, 4);
}

#[tokio::test]
async fn nodes_can_be_added_behind_the_answer() {
    let (model, _) = pair();
    let graph = swarm([agent("ann", &model), agent("bob", &model)], "ann")
        .build()
        .unwrap();
    let graph = graph
        .add_node("thank", async |_: View<Chat>| {
            Chat::update().messages(Message::user("Thanks."))
        })
        .add_edge("answer", "thank")
        .compile()
        .unwrap();
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    let run = graph.invoke(Chat::ask("a sum")).await.unwrap();
    assert_eq!(run.ran(), [["ann"], ["bob"], ["answer"], ["thank"]]);
}
