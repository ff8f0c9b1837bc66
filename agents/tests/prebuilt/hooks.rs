//! What is done around the calls of models and tools.

use std::ops::ControlFlow::{Break, Continue};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::{
    Chat, Message, ModelResponse, ReactAgent, Reply, ScriptedModel, Toolbox, react_agent,
};

use crate::common::{add, graph, said};

fn agent(model: &ScriptedModel) -> ReactAgent {
    react_agent(model.model(), Toolbox::new().add(add))
}

fn adding() -> ScriptedModel {
    let call = Reply::call("add", json!({ "a": 1, "b": 2 }));
    ScriptedModel::new().on("sum", [call, Reply::from("Done.")])
}

#[tokio::test]
async fn a_request_can_be_changed_before_it_is_sent() {
    let model = ScriptedModel::new().otherwise("Yes.");
    let agent =
        agent(&model)
            .instruction("Be kind.")
            .before_model(|mut request, _, _| async move {
                let keep = request.messages.len().saturating_sub(1);
                request.messages.drain(1..keep);
                Ok(Continue(request.temperature(0.5)))
            });
    let input = Chat::update().messages(vec![Message::user("one"), Message::user("two")]);
    let run = graph(agent).invoke(input).await.unwrap();
    let request = &model.calls()[0].request;
    assert_eq!(request.temperature, Some(0.5));
    let sent: Vec<_> = request.messages.iter().map(Message::text).collect();
    assert_eq!(sent, ["Be kind.", "two"]);
    assert_eq!(run.state.messages.len(), 3);
}

#[tokio::test]
async fn a_request_can_be_answered_before_it_is_sent() {
    let model = ScriptedModel::new();
    let agent = agent(&model)
        .before_model(|_, chat, _| async move {
            Ok(Break(ModelResponse::text(format!(
                "No {}.",
                chat.messages[0].text()
            ))))
        })
        .before_model(|_, _, _| async { panic!("it is answered") });
    let run = graph(agent).invoke(Chat::ask("secrets")).await.unwrap();
    assert_eq!(run.state.answer(), "No secrets.");
    assert!(model.calls().is_empty());
}

#[tokio::test]
async fn an_answer_can_be_changed_before_it_is_kept() {
    let model = ScriptedModel::new().otherwise("damn");
    let agent = agent(&model).after_model(|response, _, _| async move {
        let text = response.message.text().replace("damn", "well");
        Ok(ModelResponse::text(text))
    });
    let run = graph(agent).invoke(Chat::ask("hi")).await.unwrap();
    assert_eq!(run.state.answer(), "well");
}

#[tokio::test]
async fn calls_and_results_can_be_changed() {
    let agent = agent(&adding())
        .before_tool(|mut call, _, _| async move {
            call.arguments = call.arguments.replace('2', "20");
            Ok(Continue(call))
        })
        .after_tool(|mut result, _, _| async move {
            result.content.push('!');
            Ok(result)
        });
    let run = graph(agent).invoke(Chat::ask("sum")).await.unwrap();
    assert_eq!(said(&run.state)[2], "tool: add -> 21!");
}

#[tokio::test]
async fn a_call_need_not_be_made() {
    let calls = Reply::calls([
        ("add", json!({ "a": 1, "b": 2 })),
        ("add", json!({ "a": 3, "b": 4 })),
        ("add", json!({ "a": 5, "b": 6 })),
    ]);
    let model = ScriptedModel::new().on("sum", [calls, Reply::from("Done.")]);
    let agent = agent(&model).before_tool(|call, _, _| async move {
        Ok(match call.arguments.contains('3') {
            true => Break(call.failure("not today")),
            false => Continue(call),
        })
    });
    let run = graph(agent).invoke(Chat::ask("sum")).await.unwrap();
    let results = [
        "tool: add -> 3",
        "tool: add -> not today",
        "tool: add -> 11",
    ];
    assert_eq!(said(&run.state)[2..5], results);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[tokio::test]
async fn a_request_for_a_shape_passes_all_hooks() {
    let shaped = |model: &ScriptedModel| agent(model).output_schema::<Sum>();
    let model = ScriptedModel::new()
        .on("in the shape", json!({ "sum": 3 }))
        .otherwise("It is three.");
    let sum = |run: superstep::Run<Chat>| run.state.response::<Sum>().unwrap();
    // As it is, but for what is asked.
    let asks = shaped(&model)
        .before_model(|request, _, _| async move { Ok(Continue(request.temperature(0.5))) });
    let run = graph(asks).invoke(Chat::ask("1 + 2?")).await.unwrap();
    assert_eq!(sum(run), Sum { sum: 3 });
    let calls = model.calls();
    let asked: Vec<_> = calls.iter().map(|call| call.request.temperature).collect();
    assert_eq!(asked, [Some(0.5), Some(0.5)]);
    // Changed.
    let changes = shaped(&model).after_model(|response, _, _| async move {
        Ok(ModelResponse::text(
            match response.message.text().contains("three") {
                true => "It is four.",
                false => r#"{ "sum": 4 }"#,
            },
        ))
    });
    let run = graph(changes).invoke(Chat::ask("1 + 2?")).await.unwrap();
    assert_eq!(sum(run), Sum { sum: 4 });
    // Without asking.
    let text = |text: &'static str| {
        shaped(&model).before_model(move |request, _, _| async move {
            let last = request.messages.last().map(Message::text);
            Ok(
                match last.is_some_and(|last| last.contains("in the shape")) {
                    true => Break(ModelResponse::text(text)),
                    false => Continue(request),
                },
            )
        })
    };
    let answers = graph(text(r#"{ "sum": 5 }"#)).invoke(Chat::ask("1 + 2?"));
    assert_eq!(sum(answers.await.unwrap()), Sum { sum: 5 });
    let error = graph(text("five")).invoke(Chat::ask("1 + 2?")).await;
    let error = std::error::Error::source(&error.unwrap_err())
        .unwrap()
        .to_string();
    assert!(error.contains("not in the shape"), "{error}");
}
