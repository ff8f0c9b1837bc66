//! Agents that hand on to each other.

use std::ops::ControlFlow::{Break, Continue};

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    LlmAgent, MemoryCheckpointer, Reply, ScriptedModel, SequentialAgent, Session, ToolCall,
    ToolResult,
};

use crate::common::{beside, graph, lines, said, systems};

fn to(name: &str) -> Reply {
    Reply::call("transfer_to_agent", json!({ "agent_name": name }))
}

fn offered(model: &ScriptedModel, node: &str) -> serde_json::Value {
    let asked = model.calls_of(node).remove(0);
    let mut tools = asked.request.tools.into_iter();
    let tool = tools.find(|tool| tool.name == "transfer_to_agent");
    tool.map(|tool| tool.parameters["properties"]["agent_name"]["enum"].clone())
        .unwrap_or_default()
}

/// A desk with two agents, one of which has one of its own.
fn desk() -> LlmAgent {
    let invoices = LlmAgent::new("invoices").description("Knows invoices.");
    LlmAgent::new("desk").instruction("Be kind.").sub_agents([
        LlmAgent::new("billing")
            .description("Knows money.")
            .sub_agents([invoices]),
        LlmAgent::new("tech").description("Knows machines."),
    ])
}

#[tokio::test]
async fn a_model_hands_on_and_another_answers() {
    let model = ScriptedModel::new()
        .on_node("desk", to("tech"))
        .on_node("tech", "Turn it off and on.");
    let agent = desk().model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    let run = run.expect("it runs");
    assert_eq!(run.state.answer(), "Turn it off and on.");
    assert_eq!(
        said(&run.state)[1..3],
        [
            r#"assistant (desk): transfer_to_agent({"agent_name":"tech"})"#,
            "tool (desk): transfer_to_agent -> `tech` has the floor now"
        ]
    );
    assert_eq!(run.ran(), [["desk"], ["tech"]]);
    // The other's calls are none of its business.
    let asked = lines(&model.calls_of("tech")[0]);
    assert_eq!(asked[1..], ["user: It hangs."]);
}

#[tokio::test]
async fn what_is_said_as_it_hands_on_is_an_answer() {
    let hands_on = json!({ "agent_name": "billing" });
    let found = beside("It is invoice 17.", "transfer_to_agent", &hands_on);
    let model = ScriptedModel::new()
        .on_node("desk", found)
        .otherwise("It is paid.");
    let billing = LlmAgent::new("billing").instruction("Known: {note}");
    let desk = LlmAgent::new("desk").output_key("note");
    let agent = desk.sub_agents([billing]).model(model.model());
    let run = graph(agent.build())
        .invoke(Session::ask("My invoice?"))
        .await;
    let note: Option<String> = run.expect("it runs").state.get("note");
    assert_eq!(note.as_deref(), Some("It is invoice 17."));
    let read = systems(&model, "billing").remove(0);
    assert!(read.starts_with("Known: It is invoice 17."), "{read}");
}

#[tokio::test]
async fn each_can_hand_on_to_its_own_its_parent_and_its_peers() {
    let model = ScriptedModel::new()
        .on_node("desk", to("billing"))
        .on_node("billing", to("invoices"))
        .on_node("invoices", to("billing"))
        .on("never", "never");
    let agent = desk().max_transfers(2).model(model.model());
    let run = graph(agent.build())
        .invoke(Session::ask("My invoice?"))
        .await;
    let error = run.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no end was reached within the 3 supersteps of `max_transfers` of agent `desk`, the last 3 \
         of which ran `desk`, then `billing`, then `invoices`"
    );
    assert_eq!(
        error.help(),
        "see what still makes `billing` ready, or raise `max_transfers` of agent `desk`"
    );
    assert_eq!(offered(&model, "desk"), json!(["billing", "tech"]));
    assert_eq!(
        offered(&model, "billing"),
        json!(["invoices", "desk", "tech"])
    );
    assert_eq!(offered(&model, "invoices"), json!(["billing"]));
    assert_eq!(
        lines(&model.calls_of("desk")[0])[0],
        "system: Be kind.\n\nYou can hand the conversation on with the tool `transfer_to_agent`, \
         if one of these agents is better placed to answer; else answer yourself.\n\
         - `billing`: Knows money.\n- `tech`: Knows machines."
    );
}

#[tokio::test]
async fn who_may_not_is_not_offered_to() {
    let model = ScriptedModel::new()
        .on_node("desk", to("a"))
        .on_node("a", "done");
    let agent = LlmAgent::new("desk").sub_agents([
        LlmAgent::new("a")
            .disallow_transfer_to_parent()
            .disallow_transfer_to_peers(),
        LlmAgent::new("b"),
    ]);
    let run = graph(agent.model(model.model()).build())
        .invoke(Session::ask("go"))
        .await;
    run.expect("it runs");
    assert!(model.calls_of("a")[0].request.tools.is_empty());
}

#[tokio::test]
async fn an_unknown_name_is_told_to_the_model() {
    let model = ScriptedModel::new().on_node("desk", [to("ghost"), Reply::from("Then I do it.")]);
    let agent = desk().model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let state = run.expect("it runs").state;
    assert_eq!(state.answer(), "Then I do it.");
    assert_eq!(
        said(&state)[2],
        "tool (desk): transfer_to_agent -> there is no agent `ghost`, but `billing`, `tech`"
    );
}

#[tokio::test]
async fn only_the_first_can_go_on_and_other_calls_are_made() {
    let to = |name: &str| {
        (
            "transfer_to_agent".to_owned(),
            json!({ "agent_name": name }),
        )
    };
    let asks = ("news".to_owned(), json!({ "request": "today" }));
    let calls = Reply::calls([to("ghost"), to("tech"), asks, to("billing")]);
    let model = ScriptedModel::new()
        .on_node("news", "peace")
        .on_node("tech", "Turn it off and on.")
        .on_node("desk", calls);
    let agent = desk().agent_tools([LlmAgent::new("news")]);
    let agent = agent.model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    let run = run.expect("it runs");
    assert_eq!(run.ran(), [["desk"], ["tech"]]);
    let mut results = said(&run.state)[2..6].to_vec();
    results.sort();
    assert_eq!(
        results,
        [
            "tool (desk): news -> peace",
            "tool (desk): transfer_to_agent -> `tech` has the floor now",
            "tool (desk): transfer_to_agent -> only the first can go on",
            "tool (desk): transfer_to_agent -> there is no agent `ghost`, but `billing`, `tech`",
        ]
    );
    // It has not been asked again for what the other agent answers.
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn who_has_the_floor_has_it_for_the_next_turn() {
    let model = ScriptedModel::new()
        .on_node("desk", to("billing"))
        .on_node("billing", "How much?");
    let graph = desk().model(model.model()).build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    let run = graph
        .invoke(Session::ask("Money!"))
        .thread("ann")
        .await
        .expect("it runs");
    assert_eq!(run.ran(), [["desk"], ["billing"]]);
    let run = graph
        .invoke(Session::ask("12."))
        .thread("ann")
        .await
        .expect("it runs");
    assert_eq!(run.ran(), [["billing"]]);
    let run = graph
        .invoke(Session::ask("Hello?"))
        .thread("bob")
        .await
        .expect("it runs");
    assert_eq!(run.ran(), [["desk"], ["billing"]]);
}

#[tokio::test]
async fn from_where_no_way_leads_back_the_floor_goes_back() {
    let model = ScriptedModel::new()
        .on_node("desk", to("a"))
        .on_node("a", "done");
    let agent =
        LlmAgent::new("desk").sub_agents([LlmAgent::new("a").disallow_transfer_to_parent()]);
    let graph = agent.model(model.model()).build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    for _ in 0..2 {
        let run = graph
            .invoke(Session::ask("go"))
            .thread("ann")
            .await
            .expect("it runs");
        assert_eq!(run.ran(), [["desk"], ["a"]]);
    }
}

#[tokio::test]
async fn a_workflow_can_have_the_floor() {
    let model = ScriptedModel::new()
        .on_node("desk", to("report"))
        .on_node("collect", "facts")
        .on_node("write", "a report");
    let report = SequentialAgent::new("report", ["collect", "write"].map(LlmAgent::new));
    let agent = LlmAgent::new("desk")
        .sub_agents((report,))
        .model(model.model());
    let graph = agent.build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    for _ in 0..2 {
        let run = graph
            .invoke(Session::ask("go"))
            .thread("ann")
            .await
            .expect("it runs");
        assert_eq!(run.ran(), [["desk"], ["report"]]);
        assert_eq!(run.state.answer(), "a report");
    }
}

#[tokio::test]
async fn a_group_in_a_sequence_is_followed_by_what_comes_next() {
    let model = ScriptedModel::new()
        .on_node("tech", "off and on")
        .on_node("after", "the end")
        .on_node("desk", to("tech"));
    let agent = SequentialAgent::new("all", (desk(), LlmAgent::new("after"))).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let said = said(&run.expect("it runs").state);
    assert_eq!(
        said[3..],
        ["assistant (tech): off and on", "assistant (after): the end"]
    );
}

#[tokio::test]
async fn who_is_not_handed_on_to_does_not_answer() {
    let model = || {
        ScriptedModel::new()
            .on_node("desk", [to("tech"), Reply::from("I do it myself.")])
            .on_node("tech", "Never asked.")
            .on_node("billing", "Money.")
    };
    // The call is not made.
    let scripted = model();
    let agent = desk().model(scripted.model()).before_tool(
        async |call: ToolCall, _: View<Session>, _: Ctx| Ok(Break(call.result("stay here"))),
    );
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    assert_eq!(run.expect("it runs").state.answer(), "I do it myself.");
    // It is made, and does not count.
    let scripted = model();
    let agent = desk().model(scripted.model()).after_tool(
        async |mut result: ToolResult, _: View<Session>, _: Ctx| {
            result.is_error = true;
            Ok(result)
        },
    );
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    assert_eq!(run.expect("it runs").state.answer(), "I do it myself.");
    // It has failed, whatever is told of it.
    let scripted =
        ScriptedModel::new().on_node("desk", [to("ghost"), Reply::from("I do it myself.")]);
    let agent = desk().model(scripted.model()).after_tool(
        async |mut result: ToolResult, _: View<Session>, _: Ctx| {
            result.is_error = false;
            Ok(result)
        },
    );
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    assert_eq!(run.expect("it runs").state.answer(), "I do it myself.");
    // It is made otherwise.
    let scripted = model();
    let agent = desk().model(scripted.model()).before_tool(
        async |mut call: ToolCall, _: View<Session>, _: Ctx| {
            call.arguments = call.arguments.replace("tech", "billing");
            Ok(Continue(call))
        },
    );
    let run = graph(agent.build()).invoke(Session::ask("It hangs.")).await;
    assert_eq!(run.expect("it runs").ran(), [["desk"], ["billing"]]);
}
