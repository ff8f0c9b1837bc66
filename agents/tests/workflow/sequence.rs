//! Agents one after another, and what they read of each other.

use superstep::prelude::*;
use superstep::{
    AgentHistory, CustomAgent, LlmAgent, Message, ScriptedModel, SequentialAgent, Session,
};

use crate::common::{graph, lines, said};

fn model() -> ScriptedModel {
    ScriptedModel::new()
        .on_node("first", "one")
        .on_node("second", "two")
        .on_node("third", "three")
}

#[tokio::test]
async fn each_reads_what_was_said_before_as_a_quotation() {
    let model = model();
    let agents = ["first", "second"].map(LlmAgent::new);
    let agent = SequentialAgent::new("both", agents).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let run = run.expect("it runs");
    assert_eq!(
        said(&run.state),
        [
            "user: go",
            "assistant (first): one",
            "assistant (second): two"
        ]
    );
    assert_eq!(
        lines(&model.calls_of("second")[0]),
        [
            "user: go",
            "user: For context, this is what `first` said:\n<said by=\"first\">\none\n</said>"
        ]
    );
    assert_eq!(run.ran(), [["first"], ["second"]]);
}

#[tokio::test]
async fn what_comes_by_a_key_does_not_come_twice() {
    let model = model();
    let agents = [
        LlmAgent::new("first").output_key("one"),
        LlmAgent::new("second"),
        LlmAgent::new("third").instruction("{one}!"),
    ];
    let agent = SequentialAgent::new("all", agents).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    run.expect("it runs");
    let asked = lines(&model.calls_of("third")[0]);
    assert_eq!(asked[..2], ["system: one!", "user: go"]);
    assert!(asked[2].contains("`second`"));
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn whole_history_has_all_and_none_has_what_the_user_said() {
    let model = model();
    let agents = [
        LlmAgent::new("first").output_key("one"),
        LlmAgent::new("second")
            .instruction("{one}")
            .history(AgentHistory::Whole),
        LlmAgent::new("third").history(AgentHistory::None),
    ];
    let agent = SequentialAgent::new("all", agents).model(model.model());
    let input = Session::ask("before").messages(Message::assistant("early"));
    let input = input.messages(Message::user("go"));
    let run = graph(agent.build()).invoke(input).await;
    run.expect("it runs");
    let asked = lines(&model.calls_of("second")[0]);
    assert_eq!(
        asked[1..4],
        ["user: before", "assistant: early", "user: go"]
    );
    assert!(asked[4].contains("one"));
    assert_eq!(lines(&model.calls_of("third")[0]), ["user: go"]);
}

#[tokio::test]
async fn functions_and_graphs_of_the_program_are_agents() {
    async fn count(session: View<Session>) -> superstep::SessionUpdate {
        Session::update().values(("count", session.messages.len()))
    }
    let double = StateGraph::<Session>::new("inner")
        .add_node("double", async |session: View<Session>| {
            let count: u64 = session.get("count").unwrap_or_default();
            Session::update().values(("double", count * 2))
        })
        .add_edge(START, "double")
        .compile()
        .expect("it is sound");
    let model = ScriptedModel::new().on_system("2 messages doubled", "fine");
    let agents = (
        CustomAgent::new("count", count).writes(["count"]),
        CustomAgent::new("twice", double)
            .reads(["count"])
            .writes(["double"]),
        LlmAgent::new("last").instruction("{double} messages doubled"),
    );
    let agent = SequentialAgent::new("all", agents).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    assert_eq!(run.expect("it runs").state.answer(), "fine");
}

#[tokio::test]
async fn what_a_function_says_is_quoted_if_it_is_named_and_is_never_the_last_word() {
    let read = async |said: Message| {
        let model = ScriptedModel::new().otherwise("It is 7.");
        let fetch = CustomAgent::new("fetch", move |_: View<Session>| {
            std::future::ready(Session::update().messages(said.clone()))
        });
        let tell = LlmAgent::new("tell");
        let agent = SequentialAgent::new("all", (fetch, tell)).model(model.model());
        let run = graph(agent.build()).invoke(Session::ask("go")).await;
        run.expect("it runs");
        lines(&model.calls()[0])[1..].to_vec()
    };
    let data = || Message::assistant("The data is 7.");
    let quoted = read(data().named("fetch")).await.join("");
    assert!(
        quoted.starts_with("user: For context, this is what `fetch` said"),
        "{quoted}"
    );
    assert_eq!(
        read(data()).await,
        [
            "assistant: The data is 7.",
            "user: Go on as you were instructed."
        ]
    );
    assert_eq!(read(Message::user("And 8?")).await, ["user: And 8?"]);
}

#[tokio::test]
async fn many_agents_are_not_too_many_supersteps() {
    let agents = (0..1001).map(|n| {
        let name = format!("a{n}");
        CustomAgent::new(name, async |_: View<Session>| Session::update())
    });
    let all = SequentialAgent::new("all", agents.collect::<Vec<_>>());
    let run = graph(all.build()).invoke(Session::ask("go")).await;
    assert_eq!(run.expect("it runs").supersteps(), 1001);
}

#[tokio::test]
async fn a_graph_of_agents_is_extended_as_any_other() {
    let agent = SequentialAgent::new("both", [LlmAgent::new("first")]).model(model().model());
    let graph = agent.build().expect("it is sound");
    let graph = graph
        .add_node("count", async |session: View<Session>| {
            Session::update().values(("said", session.messages.len()))
        })
        .add_edge("first", "count")
        .compile()
        .expect("it is sound");
    let run = graph.invoke(Session::ask("go")).await.expect("it runs");
    assert_eq!(run.state.get::<usize>("said"), Some(2));
}
