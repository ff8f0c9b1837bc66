//! What becomes of braces in instructions.

use serde_json::{Value, json};
use superstep::{LlmAgent, ScriptedModel, Session};

use crate::common::{chain, graph, systems};

/// What a model is told by an instruction, where `k` is as given.
async fn filled(instruction: &str, k: Value) -> String {
    let model = ScriptedModel::new().otherwise("fine");
    let agent = LlmAgent::new("a")
        .model(model.model())
        .instruction(instruction)
        .input(["k", "user:k", "temp:k"]);
    let input = Session::ask("go")
        .values(("k", k))
        .values([("user:k", "user's"), ("temp:k", "temporary")]);
    graph(agent.build()).invoke(input).await.expect("it runs");
    systems(&model, "a").remove(0)
}

#[tokio::test]
async fn keys_are_filled_in() {
    for (instruction, expected) in [
        ("{k}", "tea"),
        ("{ k }, {k?}", "tea, tea"),
        ("of {missing?} nothing", "of  nothing"),
        ("{user:k} and {temp:k}", "user's and temporary"),
        ("{k}{k}", "teatea"),
    ] {
        assert_eq!(
            filled(instruction, "tea".into()).await,
            expected,
            "{instruction}"
        );
    }
}

#[tokio::test]
async fn double_braces_are_braces() {
    for (instruction, expected) in [
        ("{{k}}", "{k}"),
        ("{{}}", "{}"),
        ("{{{k}}}", "{tea}"),
        ("{{not a key}}", "{not a key}"),
        ("{{k}} is {k}", "{k} is tea"),
    ] {
        assert_eq!(
            filled(instruction, "tea".into()).await,
            expected,
            "{instruction}"
        );
    }
}

#[tokio::test]
async fn what_is_no_key_stays_as_it_is() {
    for text in [
        r#"{"a": 1, "b": {"c": {}}}"#,
        "{a.b} {foo:bar} {not valid!} {num??} {} {1a}",
        "${k} \\{k} } {",
        "${{k}}",
        "fn main() { println!(\"{:?}\", x); }",
    ] {
        assert_eq!(filled(text, "tea".into()).await, text);
    }
}

#[tokio::test]
async fn values_are_put_as_what_they_are() {
    for (value, expected) in [
        (Value::Null, "<>"),
        (json!(3), "<3>"),
        (json!({ "a": [1, "b"] }), r#"<{"a":[1,"b"]}>"#),
        (json!("{k} {{k}} {missing}"), "<{k} {{k}} {missing}>"), // one pass
    ] {
        assert_eq!(filled("<{k}>", value).await, expected);
    }
}

#[tokio::test]
async fn a_key_that_is_declared_and_not_there_is_named() {
    let agent = LlmAgent::new("a")
        .model(ScriptedModel::new())
        .instruction("{topic}")
        .input(["topic"]);
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let chain = chain(&run.unwrap_err());
    assert_eq!(
        chain[1..],
        [
            "agent `a` has no answer",
            "`{topic}` in the instruction of agent `a` has no value; write the key before, or \
             `{topic?}` where it may be missing"
        ]
    );
}

#[tokio::test]
async fn a_function_makes_an_instruction_and_no_key_is_looked_up() {
    let model = ScriptedModel::new().otherwise("fine");
    let agent = LlmAgent::new("a")
        .model(model.model())
        .instruction_with(|session| format!("{{k}} of {} message(s)", session.messages.len()));
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    run.expect("it runs");
    assert_eq!(systems(&model, "a"), ["{k} of 1 message(s)"]);
}
