//! What an LLM agent says: text, values of a type, tokens, and what it fails with.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::{
    Agent, LlmAgent, Model, ModelErrorKind, ModelRequest, ParallelAgent, Reply, Retry, RunError,
    ScriptedModel, SequentialAgent, Session, Toolbox, View, tool,
};

use crate::common::{beside, chain, graph, said};

/// A place.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Place {
    city: String,
    people: u32,
}

fn oslo() -> serde_json::Value {
    json!({ "city": "Oslo", "people": 700_000 })
}

#[tokio::test]
async fn an_answer_of_a_type_is_kept_as_json() {
    let model = ScriptedModel::new().otherwise(oslo());
    let agent = LlmAgent::new("a")
        .model(model.model())
        .output_schema::<Place>()
        .output_key("place");
    let run = graph(agent.build())
        .invoke(Session::ask("where?"))
        .await
        .expect("it runs");
    let place = run.state.get::<Place>("place");
    assert_eq!(
        place,
        Some(Place {
            city: "Oslo".into(),
            people: 700_000
        })
    );
    assert_eq!(model.calls().len(), 1);
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_again_and_is_then_an_error_of_the_agent() {
    let wrong = json!({ "city": "Oslo" });
    let mended = ScriptedModel::new()
        .on("does not fit", oslo())
        .otherwise(wrong.clone());
    let agent = |model: &ScriptedModel| {
        let agent = LlmAgent::new("where")
            .output_schema::<Place>()
            .output_key("place");
        SequentialAgent::new("all", [agent]).model(model.model())
    };
    let run = graph(agent(&mended).build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    assert!(run.state.get::<Place>("place").is_some());
    assert_eq!(mended.calls().len(), 2);

    let never = ScriptedModel::new().otherwise(wrong);
    let error = graph(agent(&never).build())
        .invoke(Session::ask("go"))
        .await
        .unwrap_err();
    let chain = chain(&error);
    assert_eq!(chain[1], "agent `all/where` has no answer");
    assert!(
        chain[2].contains("after 3 attempt(s) it is still no `Place`"),
        "{chain:?}"
    );
    assert_eq!(never.calls().len(), 3);
}

#[tokio::test]
async fn what_is_cut_off_is_no_answer() {
    let model = ScriptedModel::new().otherwise(Reply::text("one two three").cut_after(2));
    let agent = LlmAgent::new("a").model(model.model());
    let error = graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .unwrap_err();
    let chain = chain(&error);
    assert_eq!(chain[1], "agent `a` has no answer");
    assert!(chain[2].contains("the answer was cut off"), "{chain:?}");
}

#[tokio::test]
async fn who_has_no_tools_answers_in_words() {
    let ghost = || Reply::call("ghost", json!({}));
    let run = async |model: &ScriptedModel, agent: LlmAgent| {
        let agent = agent.output_key("said").model(model.model());
        graph(agent.build()).invoke(Session::ask("go")).await
    };
    let calls = ScriptedModel::new().otherwise(ghost());
    let error = run(&calls, LlmAgent::new("a")).await.unwrap_err();
    let chain = chain(&error);
    assert_eq!(chain[1], "agent `a` has no answer");
    assert!(chain[2].contains("it only calls `ghost`"), "{chain:?}");
    let mends = LlmAgent::new("a").on_model_error(async |_, _, _| Ok("sorry".to_owned()));
    let state = run(&calls, mends).await.expect("it is mended").state;
    assert_eq!(state.get::<String>("said").as_deref(), Some("sorry"));

    // It may do better the next time.
    let again = ScriptedModel::new().otherwise(Reply::attempts([ghost(), Reply::from("Yes.")]));
    let tries = [LlmAgent::new("a").retry(Retry::attempts(2))];
    let all = SequentialAgent::new("all", tries).model(again.model());
    let done = graph(all.build()).invoke(Session::ask("go")).await;
    assert_eq!(done.expect("it runs").state.answer(), "Yes.");

    // Words with a call are an answer, of which nobody is told the call.
    let words = beside("It is 7.", "ghost", &json!({}));
    let state = run(&ScriptedModel::new().otherwise(words), LlmAgent::new("a")).await;
    let state = state.expect("it runs").state;
    assert_eq!(state.get::<String>("said").as_deref(), Some("It is 7."));
    assert_eq!(said(&state)[1], "assistant (a): It is 7.");
}

/// Where somebody is.
#[tool]
async fn locate(session: View<Session>) -> String {
    session.get("user_city").unwrap_or_default()
}

#[tokio::test]
async fn tools_read_the_session_and_an_answer_of_a_type_follows_them() {
    let model = ScriptedModel::new().on("in the shape", oslo()).on(
        "where?",
        [Reply::call("locate", json!({})), Reply::from("In Oslo.")],
    );
    let agent = LlmAgent::new("a")
        .model(model.model())
        .tools(Toolbox::new().add(locate))
        .output_schema::<Place>()
        .output_key("place");
    let input = Session::ask("where?").values(("user_city", "Oslo"));
    let run = graph(agent.build()).invoke(input).await.expect("it runs");
    assert_eq!(said(&run.state)[2], "tool (a): locate -> Oslo");
    assert!(run.state.get::<Place>("place").is_some());
    let last: &ModelRequest = &model.calls()[2].request;
    let texts: Vec<_> = last.messages.iter().map(ToString::to_string).collect();
    assert_eq!(texts[3], "assistant (a): In Oslo.");
    assert!(
        texts[4].starts_with("user: Give your answer in the shape"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn without_a_key_an_answer_of_a_type_is_the_last_that_is_said() {
    let model = |shaped: serde_json::Value| {
        ScriptedModel::new()
            .on("in the shape", shaped)
            .otherwise("In Oslo.")
    };
    let agent = |model: &ScriptedModel| {
        let agent = LlmAgent::new("a")
            .tools(Toolbox::new().add(locate))
            .output_schema::<Place>();
        graph(agent.model(model.model()).build())
    };
    let run = agent(&model(oslo())).invoke(Session::ask("where?")).await;
    let state = run.expect("it runs").state;
    let place: Place = serde_json::from_str(&state.answer()).expect("it is a place");
    assert_eq!(place.city, "Oslo");
    assert_eq!(said(&state)[1], "assistant (a): In Oslo.");
    assert_eq!(state.messages[2].name.as_deref(), Some("a"));

    let wrong = model(json!({ "city": "Oslo" }));
    let error = agent(&wrong).invoke(Session::ask("where?")).await;
    let chain = chain(&error.unwrap_err());
    assert!(
        chain
            .iter()
            .any(|why| why.contains("it is still no `Place`")),
        "{chain:?}"
    );

    // Nothing is asked for, or said, again.
    let at_once = ScriptedModel::new().otherwise(oslo());
    let run = agent(&at_once).invoke(Session::ask("where?")).await;
    assert_eq!(run.expect("it runs").state.messages.len(), 2);
    assert_eq!(at_once.calls().len(), 1);
}

#[tokio::test]
async fn tools_without_an_end_are_an_error() {
    let model = ScriptedModel::new().otherwise(Reply::call("locate", json!({})));
    let agent = LlmAgent::new("a")
        .model(model.model())
        .tools(Toolbox::new().add(locate))
        .max_turns(3);
    let error = graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Node { .. }));
    let chain = chain(&error);
    assert_eq!(chain[2], "after 3 turn(s) the model still calls `locate`");
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn tokens_come_with_the_names_of_agents() {
    let model = ScriptedModel::new()
        .on_node("left", "one two")
        .on_node("right", "three");
    let agent = ParallelAgent::new("both", ["left", "right"].map(LlmAgent::new));
    let graph = graph(agent.model(model.model()).build());
    let mut tokens = graph.invoke(Session::ask("go")).stream().tokens();
    let mut seen = std::collections::BTreeMap::<String, String>::new();
    while let Some(event) = tokens.next().await {
        let text = event.token().expect("only tokens were asked for");
        let node = event.node().expect("a node said it").to_string();
        seen.entry(node).or_default().push_str(text);
    }
    let seen: Vec<_> = seen.into_iter().collect();
    assert_eq!(
        seen,
        [
            ("left".into(), "one two".into()),
            ("right".into(), "three".into())
        ]
    );
}

struct Clients {
    model: Model,
}

#[tokio::test]
async fn a_model_of_the_context_is_found_there() {
    let agents = [LlmAgent::new("a"), LlmAgent::new("b")];
    let agent =
        SequentialAgent::new("all", agents).model(|clients: &Clients| clients.model.clone());
    let graph = agent
        .build_with_context()
        .expect("it is sound")
        .compile()
        .expect("it is sound");
    let model = ScriptedModel::new().otherwise("fine");
    let clients = Clients {
        model: model.model(),
    };
    let run = graph
        .invoke(Session::ask("go"))
        .context(clients)
        .await
        .expect("it runs");
    assert_eq!(run.state.answer(), "fine");
    assert_eq!(model.calls().len(), 2);
}

/// Says the same.
#[tool]
async fn echo(word: String) -> String {
    word
}

#[tokio::test(start_paused = true)]
async fn a_model_is_asked_again_and_what_tools_have_done_is_kept() {
    let overloaded = || ModelErrorKind::Overloaded { retry_after: None };
    let model = ScriptedModel::new().on_node(
        "model",
        [
            Reply::call("echo", json!({ "word": "hi" })),
            Reply::attempts([overloaded().into(), Reply::never(), "Done.".into()]),
        ],
    );
    let agent = LlmAgent::new("a")
        .model(model.model())
        .tools(Toolbox::new().add(echo))
        .model_timeout(Duration::from_secs(5))
        .model_retry(Retry::attempts(3).delay(Duration::ZERO));
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let run = run.expect("the third attempt");
    assert_eq!(run.state.answer(), "Done.");
    assert_eq!((run.state.messages.len(), model.calls().len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_model_without_tools_is_asked_again_in_each_attempt_of_its_agent() {
    let twice = || Retry::attempts(2).delay(Duration::ZERO);
    let agent = || LlmAgent::new("a").model_retry(twice()).retry(twice());
    let one_after_another = SequentialAgent::new("all", [agent()]);
    let at_once = ParallelAgent::new("all", [agent()]);
    for agent in [Agent::from(one_after_another), at_once.into()] {
        let overloaded = ModelErrorKind::Overloaded { retry_after: None };
        let model = ScriptedModel::new().otherwise(overloaded);
        let all = SequentialAgent::new("outer", [agent]).model(model.model());
        let run = graph(all.build()).invoke(Session::ask("go")).await;
        let error = run.expect_err("it never answers");
        assert_eq!(model.calls_of("a").len(), 4, "{error:?}");
    }
}
