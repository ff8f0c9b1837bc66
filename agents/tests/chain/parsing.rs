//! What becomes of answers.

use schemars::JsonSchema;
use serde::Deserialize;
use superstep::{
    Chain, Extract, ExtractBy, IntoChain, ModelErrorKind, ModelResponse, Part, Reply,
    ScriptedModel, extract, json, list, prompt, text,
};

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Person {
    name: String,
    /// In years.
    age: Option<u32>,
}

fn ann() -> Person {
    Person {
        name: "Ann".into(),
        age: Some(92),
    }
}

#[tokio::test]
async fn json_is_found_in_fences_and_between_words() {
    let chain: Chain<&str, Person> = json::<Person>().into_chain();
    for answer in [
        r#"{"name": "Ann", "age": 92}"#,
        "Here:\n```json\n{\"name\": \"Ann\", \"age\": 92}\n```\nAnything else?",
        r#"Of [them] I know {"name": "Ann", "age": 92} well."#,
    ] {
        assert_eq!(chain.invoke(answer).await.expect("it is there"), ann());
    }
}

#[tokio::test]
async fn what_is_no_json_is_in_the_error() {
    let chain: Chain<&str, Person> = json::<Person>().into_chain();
    for (answer, kind) in [
        (r#"{"name": "Ann", "age": 9"#, ModelErrorKind::Truncated),
        ("I do not know.", ModelErrorKind::Decode),
        (r#"{"age": 92}"#, ModelErrorKind::Decode),
    ] {
        let error = chain.invoke(answer).await.unwrap_err();
        let error = error.model_error().expect("an answer's");
        assert_eq!((&error.kind, error.body.as_deref()), (&kind, Some(answer)));
    }
}

#[tokio::test]
async fn a_call_of_a_tool_is_no_text() {
    let call = || Reply::call("look_up", serde_json::json!({ "city": "Oslo" }));
    let model = ScriptedModel::new().otherwise(call()).model();
    let chain: Chain<&str, String> = prompt("Weather in {city}?") | &model | text();
    let items: Chain<&str, Vec<String>> = prompt("Weather in {city}?") | &model | list();
    for error in [
        chain.invoke("Oslo").await.unwrap_err(),
        items.invoke("Oslo").await.unwrap_err(),
    ] {
        let error = error.model_error().expect("an answer's");
        assert_eq!(error.kind, ModelErrorKind::Decode);
        let why = error.message.as_deref();
        assert_eq!(why, Some("it calls `look_up` and has no text"));
    }
    let error = model.ask("Weather?").await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Decode);
    let call = model.generate("Weather?").await.expect("it answers");
    let both = call.message.part(Part::text("I look."));
    let says = ModelResponse::new(both).into_text();
    assert_eq!(says.expect("it has text"), "I look.");
}

#[tokio::test]
async fn lists_are_read_as_csv_or_by_lines() {
    let items: Chain<&str, Vec<String>> = list().into_chain();
    let lines: Chain<&str, Vec<String>> = list().numbered().into_chain();
    for (text, expected) in [
        ("a, b,c", &["a", "b", "c"][..]),
        (
            "\"a, b\", \"say \"\"hi\"\"\", \"\"",
            &["a, b", "say \"hi\"", ""],
        ),
        ("a\nb,, c\n", &["a", "b", "c"]),
        ("5\" nails, b", &["5\" nails", "b"]),
        ("", &[]),
    ] {
        assert_eq!(
            items.invoke(text).await.expect("it is read"),
            expected,
            "{text}"
        );
    }
    let text = "Sure:\n1. one, first\n2) two\n - three\n* four\n12.5 is no item\n-x\n10. ten";
    let expected = ["one, first", "two", "three", "four", "ten"];
    assert_eq!(lines.invoke(text).await.expect("it is read"), expected);
    let none = lines.invoke("There are none, I am afraid.").await;
    assert!(none.expect("it is read").is_empty());
}

#[tokio::test]
async fn an_answer_of_a_type_is_asked_for_in_a_chain() {
    let scripted = ScriptedModel::new()
        .on("Ann", r#"{"name": "Ann", "age": "old"}"#)
        .on("does not fit", r#"{"name": "Ann", "age": 92}"#);
    let once = extract::<Person>(scripted.model()).how(Extract::new().attempts(1));
    let chain = prompt("Who is in: {text}") | extract::<Person>(scripted.model());
    assert_eq!(chain.invoke("Ann is 92.").await.expect("it fits"), ann());
    let error = (prompt("{text}") | once)
        .invoke("Ann is 92.")
        .await
        .unwrap_err();
    assert_eq!(error.place(), "extract");
    assert_eq!(
        error.model_error().map(|error| &error.kind),
        Some(&ModelErrorKind::Decode)
    );
    let by_prompt = Extract::new().by(ExtractBy::Prompt);
    let chain = prompt("{text}") | extract::<Person>(scripted.model()).how(by_prompt);
    chain.invoke("Ann is 92.").await.expect("it fits");
}

#[tokio::test]
async fn instructions_say_what_is_read() {
    assert!(
        json::<Person>()
            .instructions()
            .contains(r#""description":"In years.""#)
    );
    assert!(list().instructions().contains("commas"));
    assert!(list().numbered().instructions().contains("1. "));
    let ask = prompt("Who? {format}").partial("format", json::<Person>().instructions());
    let scripted = ScriptedModel::new().on("JSON Schema", r#"{"name": "Ann", "age": 92}"#);
    let chain = ask | scripted.model() | json::<Person>();
    assert_eq!(chain.invoke(()).await.expect("it fits"), ann());
}

#[tokio::test]
async fn a_model_begins_a_chain_and_takes_what_makes_a_request() {
    let model = ScriptedModel::new().otherwise("7, 8").model();
    let numbers = model.clone() | list();
    assert_eq!(
        numbers.invoke("numbers?".into()).await.expect("it answers"),
        ["7", "8"]
    );
    let chain = prompt("{what}?") | numbers.takes();
    assert_eq!(
        chain.invoke("numbers").await.expect("it answers"),
        ["7", "8"]
    );
    let direct: Chain<String, String> = IntoChain::<String>::into_chain(&model) | text();
    assert_eq!(
        direct.invoke("numbers?".into()).await.expect("it answers"),
        "7, 8"
    );
}
