//! A model and its tools, until there is an answer.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Approval, Chat, FnModel, MemoryCheckpointer, Message, Messages, Model, ModelError,
    ModelErrorKind, ModelResponse, ReactAgent, Reply, RunControl, RunError, ScriptedModel, Status,
    Toolbox, react_agent, tool,
};

use crate::common::{add, chain, double, graph, said};

/// Calls two tools in one message, then one more, then answers.
fn counting() -> ScriptedModel {
    ScriptedModel::new().on(
        "count",
        [
            Reply::calls([
                ("add", json!({ "a": 1, "b": 2 })),
                ("double", json!({ "number": 4 })),
            ]),
            Reply::call("add", json!({ "a": 3, "b": 8 })),
            Reply::from("It is 11."),
        ],
    )
}

fn toolbox() -> Toolbox<(), Chat> {
    Toolbox::new().add(add).add(double)
}

#[tokio::test]
async fn a_conversation_goes_on_until_there_is_an_answer() {
    let model = counting();
    let agent = react_agent(model.model(), toolbox()).instruction("Count.");
    let transcript = graph(agent).invoke(Chat::ask("count")).transcript().await;
    insta::assert_snapshot!(transcript);

    let asked = model.calls();
    let systems: Vec<_> = asked
        .iter()
        .map(|asked| asked.request.messages[0].to_string())
        .collect();
    assert_eq!(systems, ["system: Count."; 3]);
    let lengths: Vec<_> = asked
        .iter()
        .map(|asked| asked.request.messages.len())
        .collect();
    assert_eq!(lengths, [2, 5, 7]);
    let tools: Vec<_> = asked[2]
        .request
        .tools
        .iter()
        .map(|tool| &*tool.name)
        .collect();
    assert_eq!(tools, ["add", "double"]);
    // Neither they nor what was said is copied for each request.
    let [first, .., last] = [0, 1, 2].map(|turn| &asked[turn].request);
    assert!(std::ptr::eq(&*first.tools, &*last.tools));
    assert!(std::ptr::eq(&*first.messages[1], &*last.messages[1]));
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_turn_run_at_the_same_time() {
    /// Waits.
    #[tool]
    async fn wait(seconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        seconds
    }

    let calls = [3, 2, 1].map(|seconds| ("wait", json!({ "seconds": seconds })));
    let model = ScriptedModel::new().on("wait", [Reply::calls(calls), Reply::from("Waited.")]);
    let graph = graph(react_agent::<(), _>(
        model.model(),
        Toolbox::new().add(wait),
    ));
    let start = tokio::time::Instant::now();
    let run = graph.invoke(Chat::ask("wait")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(
        said(&run.state)[2..5],
        ["tool: wait -> 3", "tool: wait -> 2", "tool: wait -> 1"]
    );
}

#[tokio::test]
async fn nodes_can_be_added_behind_the_answer() {
    let graph = react_agent(counting().model(), toolbox()).build().unwrap();
    let graph = graph
        .add_node("thank", async |_: View<Chat>| {
            Chat::update().messages(Message::user("Thanks."))
        })
        .add_edge("answer", "thank")
        .compile()
        .unwrap();
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    let run = graph.invoke(Chat::ask("count")).await.unwrap();
    assert_eq!(run.ran().last().unwrap(), &["thank"]);
    assert_eq!(said(&run.state).last().unwrap(), "user: Thanks.");
}

#[tokio::test]
async fn mistakes_are_told_to_the_model() {
    let model = ScriptedModel::new().on(
        "count",
        [
            Reply::call("ad", json!({ "a": 1 })),
            Reply::from("I cannot."),
        ],
    );
    let run = graph(react_agent(model.model(), toolbox()));
    let run = run.invoke(Chat::ask("count")).await.unwrap();
    assert_eq!(
        said(&run.state)[2],
        "tool: ad -> there is no tool `ad`, but `add`, `double`; did you mean `add`?"
    );
}

#[tokio::test]
async fn a_thread_goes_on_with_the_conversation() {
    let model = ScriptedModel::new().on("again", "As I said: 11.").on(
        "count",
        [
            Reply::call("add", json!({ "a": 3, "b": 8 })),
            Reply::from("It is 11."),
        ],
    );
    let graph = react_agent(model.model(), toolbox()).build().unwrap();
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    graph
        .invoke(Chat::ask("count"))
        .thread("ann")
        .await
        .unwrap();
    let run = graph
        .invoke(Chat::ask("again"))
        .thread("ann")
        .await
        .unwrap();
    assert_eq!(run.state.answer(), "As I said: 11.");
    assert_eq!(run.state.messages.len(), 6);
}

#[tokio::test]
async fn calls_that_need_approval_pause_the_agent() {
    /// Pays.
    #[tool(approve)]
    async fn pay(amount: u32) -> String {
        format!("paid {amount}")
    }

    let model = ScriptedModel::new()
        .on_result(
            "pay",
            Reply::with(|request| {
                let told = request.messages.last().map(ToString::to_string);
                told.unwrap_or_default()
            }),
        )
        .on(
            "pay",
            Reply::calls([
                ("pay", json!({ "amount": 1 })),
                ("pay", json!({ "amount": 2 })),
            ]),
        );
    let graph = react_agent::<(), _>(model.model(), Toolbox::new().add(pay))
        .build()
        .unwrap();
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let run = graph.invoke(Chat::ask("pay")).thread("ann").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let ids: Vec<_> = run
        .interrupts()
        .iter()
        .map(|interrupt| interrupt.id.clone())
        .collect();
    assert_eq!(ids.len(), 2);
    let answers = [
        (ids[0].clone(), Approval::Yes),
        (ids[1].clone(), Approval::No("why".into())),
    ];
    let run = graph.resume_with(answers).thread("ann").await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(
        said(&run.state)[2..],
        [
            "tool: pay -> paid 1",
            "tool: pay -> the call was not approved: why",
            "assistant: tool: pay -> the call was not approved: why",
        ]
    );
    assert_eq!(model.calls().len(), 2);
}

#[tokio::test]
async fn tokens_come_with_the_node_that_says_them() {
    let graph = graph(react_agent(counting().model(), toolbox()));
    let mut tokens = graph.invoke(Chat::ask("count")).stream().tokens();
    let mut told = Vec::new();
    while let Some(token) = tokens.next().await {
        told.push(format!("{token:?}"));
    }
    assert!(
        !told.is_empty() && told.iter().all(|token| token.contains("model")),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_none_fails_the_node() {
    let model = ScriptedModel::new().on("poem", Reply::refusal("No poems."));
    let agent = react_agent(model.model(), toolbox());
    let error = graph(agent).invoke(Chat::ask("poem")).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `model` failed in superstep 1, attempt 1",
            "`scripted`: the model refuses to answer: No poems.",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_model_is_asked_again_as_the_policy_says() {
    let model = ScriptedModel::new().on(
        "busy",
        Reply::attempts([
            Reply::rate_limited(Duration::from_secs(9)),
            Reply::from("Here."),
        ]),
    );
    let agent = react_agent(model.model(), toolbox());
    let agent = agent.model_retry(Retry::attempts(2));
    let start = tokio::time::Instant::now();
    let run = graph(agent).invoke(Chat::ask("busy")).await.unwrap();
    assert_eq!(run.state.answer(), "Here.");
    assert!(start.elapsed() >= Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn what_a_model_refuses_for_good_is_not_asked_again() {
    let model = ScriptedModel::new().otherwise(ModelErrorKind::Auth);
    let agent = react_agent(model.model(), toolbox()).model_retry(Retry::attempts(3));
    graph(agent).invoke(Chat::ask("hi")).await.unwrap_err();
    assert_eq!(model.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_too_long_is_given_up() {
    let model = ScriptedModel::new().otherwise(Reply::never());
    let agent = react_agent(model.model(), toolbox()).model_timeout(Duration::from_secs(5));
    let error = graph(agent).invoke(Chat::ask("hi")).await.unwrap_err();
    let RunError::Node { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(source.to_string().contains("5s"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_agent_stops_asking() {
    let model = ScriptedModel::new().otherwise(Reply::never());
    let graph = graph(react_agent(model.model(), toolbox()));
    let control = RunControl::new();
    let run = graph.invoke(Chat::ask("hi")).control(&control);
    let cancels = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        control.cancel();
    };
    let (ended, ()) = tokio::join!(run, cancels);
    assert!(matches!(ended.unwrap_err(), RunError::Cancelled { .. }));
    assert_eq!(model.calls().len(), 1);
}

#[tokio::test]
async fn the_model_can_be_in_the_context() {
    struct Clients {
        model: Model,
    }

    let agent = react_agent(|clients: &Clients| clients.model.clone(), Toolbox::new());
    let model = FnModel::new(|_| async { Ok(ModelResponse::text("hello")) }).into();
    let run = graph(agent)
        .invoke(Chat::ask("hi"))
        .context(Clients { model });
    assert_eq!(run.await.unwrap().state.answer(), "hello");
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Sums {
    #[reduce(Messages)]
    said: Vec<Message>,
    largest: i64,
    sum: Option<i64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Answer {
    sum: i64,
}

fn over(model: &ScriptedModel) -> ReactAgent<(), Sums> {
    let agent = ReactAgent::over(
        model.model(),
        Toolbox::new().add(add),
        |sums: &Sums| &sums.said,
        |messages| Sums::update().said(messages),
    );
    agent.output_into(|answer: Answer| Sums::update().sum(answer.sum))
}

#[tokio::test]
async fn a_state_of_ones_own_is_read_and_written() {
    let model = ScriptedModel::new().on("shape", r#"{ "sum": 3 }"#).on(
        "sum",
        [
            Reply::call("add", json!({ "a": 1, "b": 2 })),
            Reply::from("3"),
        ],
    );
    let agent = over(&model);
    let agent = agent.instruction_with(|sums| format!("At most {}.", sums.largest));
    let graph = agent.build().unwrap().compile().unwrap();
    let input = Sums::update().largest(9).said(Message::user("sum"));
    let run = graph.invoke(input).await.unwrap();
    assert_eq!(run.state.sum, Some(3));
    assert_eq!(run.state.said.len(), 4);
    assert!(model.calls_of("answer")[0].request.messages[0].text() == "At most 9.");
}

#[tokio::test]
async fn the_text_of_the_answer_can_be_written_elsewhere() {
    let agent = react_agent(counting().model(), toolbox())
        .output_text(|text| Chat::update().active(text.to_uppercase()));
    let run = graph(agent).invoke(Chat::ask("count")).await.unwrap();
    assert_eq!(run.state.active.as_deref(), Some("IT IS 11."));
}

#[tokio::test]
async fn an_answer_in_the_shape_is_not_asked_for_again() {
    let model = ScriptedModel::new().otherwise(r#"{ "sum": 5 }"#);
    let graph = over(&model).build().unwrap().compile().unwrap();
    let run = graph
        .invoke(Sums::update().said(Message::user("sum")))
        .await
        .unwrap();
    assert_eq!(run.state.sum, Some(5));
    assert_eq!(model.calls().len(), 1);
}

#[tokio::test]
async fn an_answer_is_in_its_shape_in_a_fence_and_not_between_words() {
    let fenced = "Here it is:\n```json\n{ \"sum\": 5 }\n```";
    for (answer, n_calls) in [(fenced, 1), (r#"As in { "sum": 4 }."#, 2)] {
        let model = ScriptedModel::new()
            .on("shape", r#"{ "sum": 5 }"#)
            .otherwise(answer);
        let graph = over(&model).build().unwrap().compile().unwrap();
        let run = graph.invoke(Sums::update().said(Message::user("sum")));
        assert_eq!(run.await.unwrap().state.sum, Some(5));
        assert_eq!(model.calls().len(), n_calls, "{answer}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Stars {
    #[schemars(range(max = 5))]
    stars: u8,
}

#[tokio::test]
async fn an_answer_out_of_the_bounds_of_its_shape_is_asked_for_again() {
    let model = ScriptedModel::new()
        .on("shape", r#"{ "stars": 5 }"#)
        .otherwise(r#"{ "stars": 9 }"#);
    let agent = react_agent(model.model(), toolbox()).output_schema::<Stars>();
    let run = graph(agent).invoke(Chat::ask("How is it?")).await.unwrap();
    assert_eq!(run.state.response::<Stars>().unwrap(), Stars { stars: 5 });
    assert_eq!(model.calls().len(), 2);
}

#[tokio::test]
async fn an_answer_that_has_no_shape_fails_the_node_answer() {
    let model = ScriptedModel::new().otherwise("seven");
    let graph = over(&model).build().unwrap().compile().unwrap();
    let error = graph
        .invoke(Sums::update().said(Message::user("sum")))
        .await
        .unwrap_err();
    let RunError::Node { node, source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(node.to_string(), "answer");
    let error = source.downcast_ref::<ModelError>().unwrap();
    assert_eq!(error.kind, ModelErrorKind::Decode);
}

#[test]
fn a_toolbox_that_is_not_sound_is_a_mistake() {
    let agent = react_agent::<(), _>(Model::new(ScriptedModel::new()), toolbox().add(add));
    let error = agent.build().unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "graph `agent` has 1 mistake\n\nduplicate-tool: two tools are called `add`\n  at "
        ),
        "{text}"
    );
}
