//! Functions around agents, models and tools.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Change, LlmAgent, Message, ModelErrorKind, ModelResponse, Reply, ScriptedModel, Session,
    Toolbox, tool,
};

use crate::common::{chain, graph, lines, said};

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn calculator(model: &ScriptedModel) -> LlmAgent {
    LlmAgent::new("calculator")
        .model(model.model())
        .tools(Toolbox::new().add(add))
}

fn adding() -> ScriptedModel {
    ScriptedModel::new().otherwise(Reply::turns([
        Reply::call("add", json!({ "a": 1, "b": 2 })),
        Reply::with(|request| {
            let last = request.messages.last().map(ToString::to_string);
            last.unwrap_or_default()
        }),
    ]))
}

#[tokio::test]
async fn all_are_called_in_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let tell = |what: &'static str| {
        let log = Arc::clone(&log);
        move || log.lock().expect("nobody panics").push(what)
    };
    let (before_agent, after_agent) = (tell("before agent"), tell("after agent"));
    let (before_model, after_model) = (tell("before model"), tell("after model"));
    let (before_tool, after_tool) = (tell("before tool"), tell("after tool"));
    let agent = calculator(&adding())
        .before_agent(move |_, _| {
            before_agent();
            async { Ok(None) }
        })
        .before_model(move |request, _, _| {
            before_model();
            async { Ok(ControlFlow::Continue(request)) }
        })
        .after_model(move |response, _, _| {
            after_model();
            async { Ok(response) }
        })
        .before_tool(move |call, _, _| {
            before_tool();
            async { Ok(ControlFlow::Continue(call)) }
        })
        .after_tool(move |result, _, _| {
            after_tool();
            async { Ok(result) }
        })
        .after_agent(move |answer, _, _| {
            after_agent();
            async move { Ok(Session::update().values(("length", answer.len()))) }
        });
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(run.state.get("length"), Some(run.state.answer().len()));
    assert_eq!(
        *log.lock().expect("nobody panics"),
        [
            "before agent",
            "before model",
            "after model",
            "before tool",
            "after tool",
            "before model",
            "after model",
            "after agent"
        ]
    );
}

#[tokio::test]
async fn each_can_answer_in_the_place_of_what_it_is_before() {
    let model = adding();
    let agent = calculator(&model)
        .output_key("out")
        .before_agent(async |_: View<Session>, _: Ctx| Ok(Some("no".into())));
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(said(&run.state)[1..], ["assistant (calculator): no"]);
    assert_eq!(run.state.get::<String>("out").as_deref(), Some("no"));
    assert_eq!(model.calls().len(), 0);

    let agent = calculator(&model).before_model(async |_, _: View<Session>, _: Ctx| {
        Ok(ControlFlow::Break(ModelResponse::text("not asked")))
    });
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(
        (run.state.answer().as_str(), model.calls().len()),
        ("not asked", 0)
    );

    let agent = calculator(&model).before_tool(
        async |call: superstep::ToolCall, _: View<Session>, _: Ctx| {
            Ok(ControlFlow::Break(call.result("4")))
        },
    );
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(run.state.answer(), "tool (calculator): add -> 4");
}

#[tokio::test]
async fn requests_answers_and_results_are_changed() {
    let model = adding();
    let agent = calculator(&model)
        .before_model(
            async |request: superstep::ModelRequest, _: View<Session>, _: Ctx| {
                Ok(ControlFlow::Continue(request.system("first of all")))
            },
        )
        .after_tool(
            async |mut result: superstep::ToolResult, _: View<Session>, _: Ctx| {
                result.content.push('!');
                Ok(result)
            },
        )
        .after_model(
            async |mut response: ModelResponse, _: View<Session>, _: Ctx| {
                if response.message.tool_calls().next().is_none() {
                    response.message = Message::assistant(format!("<{}>", response.message.text()));
                }
                Ok(response)
            },
        );
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(run.state.answer(), "<tool (calculator): add -> 3!>");
    assert_eq!(lines(&model.calls()[0])[0], "system: first of all");
}

#[tokio::test]
async fn results_of_tools_are_written() {
    let agent = calculator(&adding()).after_tools(|results, _| {
        let sum: i64 = results[0].content.parse().ok()?;
        Some(Session::update().values(Change::add("sum", sum)))
    });
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    assert_eq!(run.state.get("sum"), Some(3));
}

#[tokio::test]
async fn an_answer_takes_the_place_of_an_error_or_another_error_does() {
    let model = ScriptedModel::new().otherwise(ModelErrorKind::Overloaded { retry_after: None });
    let agent = || LlmAgent::new("a").model(model.model()).output_key("out");
    let mended = agent().on_model_error(
        async |error: superstep::NodeError, _: View<Session>, _: Ctx| Ok(format!("sorry: {error}")),
    );
    let run = graph(mended.build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    let out: Option<String> = run.state.get("out");
    assert_eq!(
        out.as_deref(),
        Some("sorry: `scripted`: the provider cannot answer now")
    );

    let worse = agent().on_model_error(async |_, _: View<Session>, _: Ctx| {
        Err(superstep::NodeError::permanent("gone for good"))
    });
    let error = graph(worse.build())
        .invoke(Session::ask("go"))
        .await
        .unwrap_err();
    assert_eq!(
        chain(&error)[1..],
        ["agent `a` has no answer", "gone for good"]
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Sum {
    sum: i64,
}

/// What is kept of that text, when a function of the program has answered with it:
/// at the beginning, and in place of the model.
async fn kept(
    agent: impl Fn(&ScriptedModel) -> LlmAgent,
    text: &'static str,
) -> [serde_json::Value; 2] {
    let model = ScriptedModel::new().otherwise(ModelErrorKind::Auth);
    let agent = |model| agent(model).output_schema::<Sum>().output_key("out");
    let begins = agent(&model)
        .before_agent(move |_, _| async move { Ok(Some(text.to_owned())) })
        .build();
    let mended = agent(&model)
        .on_model_error(move |_, _, _| async move { Ok(text.to_owned()) })
        .build();
    let mut kept = [serde_json::Value::Null, serde_json::Value::Null];
    for (agent, kept) in [begins, mended].into_iter().zip(&mut kept) {
        let run = graph(agent).invoke(Session::ask("1 + 2?")).await;
        *kept = run.expect("it runs").state.get("out").expect("it is kept");
    }
    assert_eq!(model.calls().len(), 1);
    kept
}

#[tokio::test]
async fn an_answer_of_the_program_is_kept_as_it_is() {
    let with_tools = calculator;
    let alone = |model: &ScriptedModel| LlmAgent::new("a").model(model.model());
    for text in [kept(with_tools, "sorry").await, kept(alone, "sorry").await] {
        assert_eq!(text, [json!("sorry"), json!("sorry")]);
    }
    let text = r#"{ "sum": 3 }"#;
    for value in [kept(with_tools, text).await, kept(alone, text).await] {
        assert_eq!(value, [json!({ "sum": 3 }), json!({ "sum": 3 })]);
    }
}

#[tokio::test]
async fn a_request_for_a_shape_is_one_like_all() {
    let model = ScriptedModel::new()
        .on("in the shape", json!({ "sum": 3 }))
        .otherwise("It is three.");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let agent = calculator(&model)
        .output_schema::<Sum>()
        .output_key("out")
        .before_model(
            async |request: superstep::ModelRequest, _: View<Session>, _: Ctx| {
                Ok(ControlFlow::Continue(request.temperature(0.5)))
            },
        )
        .after_model(move |response: ModelResponse, _, _| {
            log.lock()
                .expect("nobody panics")
                .push(response.message.text());
            let text = response.message.text().replace('3', "4");
            async move { Ok(ModelResponse::text(text)) }
        });
    let run = graph(agent.build())
        .invoke(Session::ask("1 + 2?"))
        .await
        .expect("it runs");
    let asked = model.calls();
    let asked: Vec<_> = asked.iter().map(|call| call.request.temperature).collect();
    assert_eq!(asked, [Some(0.5), Some(0.5)]);
    assert_eq!(run.state.get("out"), Some(Sum { sum: 4 }));
    let seen = seen.lock().expect("nobody panics");
    assert_eq!(*seen, ["It is three.", r#"{"sum":3}"#]);
}

#[tokio::test]
async fn a_request_for_a_shape_that_fails_is_an_error_like_all() {
    let model = ScriptedModel::new()
        .on("in the shape", ModelErrorKind::Auth)
        .otherwise("It is three.");
    let agent = calculator(&model)
        .output_schema::<Sum>()
        .output_key("out")
        .on_model_error(async |_, _: View<Session>, _: Ctx| Ok(r#"{ "sum": 0 }"#.to_owned()));
    let run = graph(agent.build()).invoke(Session::ask("1 + 2?")).await;
    let state = run.expect("it runs").state;
    assert_eq!(state.get("out"), Some(Sum { sum: 0 }));
}
