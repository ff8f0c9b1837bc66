//! The bound on turns, and conversations that were left in the middle.

use std::time::Duration;

use serde_json::json;
use superstep::{
    Chat, MemoryCheckpointer, Message, Part, Reply, Retry, Role, RunError, ScriptedModel, ToolCall,
    ToolChoice, Toolbox, TurnLimit, Unfinished, react_agent,
};

use crate::common::{add, chain, graph, said};

/// Never comes to an end, unless it may not call tools.
fn endless() -> ScriptedModel {
    let forbidden = |request: &superstep::ModelRequest, _: Option<&superstep::CurrentTask>| {
        request.tool_choice == ToolChoice::None
    };
    ScriptedModel::new()
        .when(forbidden, "Enough.")
        .otherwise(Reply::call("add", json!({ "a": 1, "b": 1 })))
}

fn toolbox() -> Toolbox<(), Chat> {
    Toolbox::new().add(add)
}

#[tokio::test]
async fn a_model_that_never_answers_fails_the_run() {
    let model = endless();
    let agent = react_agent(model.model(), toolbox())
        .max_turns(3)
        .model_retry(Retry::attempts(3).delay(Duration::ZERO));
    let error = graph(agent).invoke(Chat::ask("go")).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `model` failed in superstep 7, attempt 1",
            "after 3 turn(s) the model still calls `add`"
        ]
    );
    let RunError::Node {
        source, attempt, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    let limit = source.downcast_ref::<TurnLimit>().unwrap();
    assert_eq!((limit.turns, &*limit.calls), (3, &["add".to_owned()][..]));
    assert_eq!(*attempt, 1);
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn many_turns_are_not_too_many_supersteps() {
    let agent = react_agent(endless().model(), toolbox()).max_turns(500);
    let error = graph(agent).invoke(Chat::ask("go")).await.unwrap_err();
    let why = "after 500 turn(s) the model still calls `add`";
    assert_eq!(chain(&error)[1], why);
}

#[tokio::test]
async fn the_last_turn_can_be_an_answer() {
    let model = endless();
    let agent = react_agent(model.model(), toolbox())
        .max_turns(3)
        .answer_at_limit();
    let run = graph(agent).invoke(Chat::ask("go")).await.unwrap();
    assert_eq!(run.state.answer(), "Enough.");
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn what_a_user_says_begins_new_turns() {
    let model = ScriptedModel::new()
        .on("on", "Enough.")
        .otherwise(Reply::call("add", json!({ "a": 1, "b": 1 })));
    let agent = react_agent(model.model(), toolbox()).max_turns(2);
    let graph = agent
        .build()
        .unwrap()
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let error = graph.invoke(Chat::ask("go")).thread("ann").await;
    assert_eq!(error.unwrap_err().code(), "node");
    let again = graph.proceed().thread("ann").await.unwrap_err();
    assert_eq!(
        chain(&again)[1],
        "after 2 turn(s) the model still calls `add`"
    );
    let error = graph.invoke(Chat::ask("on")).thread("ann").await;
    assert_eq!(error.unwrap_err().code(), "unfinished");

    let said = graph.invoke(Chat::ask("on")).thread("ann");
    let run = said.unfinished(Unfinished::Discard).await.unwrap();
    assert_eq!(run.state.answer(), "Enough.");
    let messages = run.state.messages.iter();
    let results = messages.filter(|message| message.role == Role::Tool);
    assert_eq!(results.count(), 2);
}

#[tokio::test]
async fn calls_that_nobody_has_made_are_left_out_in_the_request_alone() {
    let model = ScriptedModel::new().on("never mind", "All right.");
    let call = |id: &str| {
        Part::ToolCall(ToolCall {
            id: id.into(),
            name: "add".into(),
            arguments: "{}".into(),
        })
    };
    let made = ToolCall {
        id: "1".into(),
        name: "add".into(),
        arguments: "{}".into(),
    };
    let messages = vec![
        Message::user("go"),
        Message::new(Role::Assistant)
            .part(call("1"))
            .part(call("2")),
        Message::tool(made.result("3")),
        Message::user("never mind"),
    ];
    let graph = graph(react_agent(model.model(), toolbox()));
    let run = graph
        .invoke(Chat::update().messages(messages))
        .await
        .unwrap();
    assert_eq!(run.state.messages.len(), 5);
    let asked = &model.calls()[0].request.messages;
    let asked: Vec<_> = asked.iter().map(ToString::to_string).collect();
    assert_eq!(
        asked[1..],
        [
            "assistant: add({}): add({})",
            "tool: add -> 3",
            "tool: add -> the call was left out",
            "user: never mind",
        ]
    );
    assert_eq!(said(&run.state)[4], "assistant: All right.");
}
