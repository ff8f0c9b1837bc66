//! What is sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use superstep_providers::{
    Effort, Media, Message, ModelRequest, OpenAi, OutputFormat, Part, Reasoning, ToolCall,
    ToolChoice, ToolSpec,
};

use crate::kit::{Reply, Server, show_error};

const HELLO: &str = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;

/// The body in which a request is sent.
async fn sent(to: impl FnOnce(OpenAi) -> OpenAi, request: ModelRequest) -> Value {
    let server = Server::start([Reply::json(HELLO)]).await;
    let model = to(server.openai()).api_key("key-1").build();
    let answered = model.expect("it can be built").generate(request).await;
    answered.expect("it answers");
    server.last()
}

async fn messages(message: Message) -> Value {
    let mut body = sent(|model| model, message.into()).await;
    body["messages"].take()
}

fn adder() -> ToolSpec {
    ToolSpec {
        name: "add".into(),
        description: "Adds.".into(),
        parameters: json!({ "type": "object" }),
    }
}

#[tokio::test]
async fn a_request_says_all_that_is_set() {
    let request = ModelRequest::from("hi")
        .system("Be brief.")
        .tool(adder())
        .tool_choice(ToolChoice::Named("add".into()))
        .parallel_tool_calls(false)
        .output(OutputFormat::Json)
        .temperature(0.7)
        .top_p(0.9)
        .max_tokens(5)
        .stop("END")
        .seed(7)
        .effort(Effort::Low)
        .extra("user", "u1");
    let expected = json!({
        "model": "m",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "hi" },
        ],
        "tools": [{ "type": "function", "function": {
            "name": "add", "description": "Adds.", "parameters": { "type": "object" },
        } }],
        "tool_choice": { "type": "function", "function": { "name": "add" } },
        "parallel_tool_calls": false,
        "response_format": { "type": "json_object" },
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 5,
        "stop": ["END"],
        "seed": 7,
        "reasoning_effort": "low",
        "user": "u1",
        "stream": false,
    });
    assert_eq!(sent(|model| model, request).await, expected);
}

#[tokio::test]
async fn a_request_says_nothing_else() {
    let expected = json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "hi" }],
        "stream": false,
    });
    assert_eq!(sent(|model| model, "hi".into()).await, expected);
}

#[tokio::test]
async fn whether_a_tool_is_called_is_said() {
    for (choice, expected) in [
        (ToolChoice::None, json!("none")),
        (ToolChoice::Required, json!("required")),
    ] {
        let request = ModelRequest::from("hi").tool(adder()).tool_choice(choice);
        assert_eq!(sent(|model| model, request).await["tool_choice"], expected);
    }
}

#[tokio::test]
async fn what_users_say_may_be_more_than_text() {
    let message = Message::user("look")
        .named("ann")
        .image_url("https://x.org/cat.png")
        .image("image/jpeg", *b"abc")
        .part(Part::Audio(Media::data("audio/mpeg", *b"abc")))
        .part(Part::File(
            Media::data("application/pdf", *b"abc").named("a.pdf"),
        ))
        .part(Part::File(Media::id("file-1")));
    let expected = json!([{ "role": "user", "name": "ann", "content": [
        { "type": "text", "text": "look" },
        { "type": "image_url", "image_url": { "url": "https://x.org/cat.png" } },
        { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,YWJj" } },
        { "type": "input_audio", "input_audio": { "data": "YWJj", "format": "mp3" } },
        { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,YWJj" } },
        { "type": "file", "file": { "file_id": "file-1" } },
    ] }]);
    assert_eq!(messages(message).await, expected);
}

#[tokio::test]
async fn calls_and_results_go_back() {
    let call = ToolCall {
        id: "c1".into(),
        name: "add".into(),
        arguments: "{}".into(),
    };
    let thought = Reasoning {
        text: "hm".into(),
        replay: None,
    };
    let result = call.result("3");
    let asks = Message::assistant("")
        .part(Part::Reasoning(thought))
        .part(Part::ToolCall(call));
    let both = Message::tool(result.clone()).part(Part::ToolResult(result));
    let request = ModelRequest::new(vec![asks, both]);
    let body = sent(|model| model, request.clone()).await;
    let calls = json!([{ "id": "c1", "type": "function", "function": { "name": "add", "arguments": "{}" } }]);
    let result = json!({ "role": "tool", "tool_call_id": "c1", "content": "3" });
    let expected = json!([
        { "role": "assistant", "content": null, "tool_calls": calls },
        result,
        result,
    ]);
    assert_eq!(body["messages"], expected);

    // Some want to be told again what they thought.
    let body = sent(OpenAi::deep_seek, request).await;
    assert_eq!(body["messages"][0]["reasoning_content"], "hm");
}

#[tokio::test]
async fn what_was_given_with_a_thought_goes_back_as_it_came() {
    let answer = json!({ "choices": [{ "message": {
        "content": "a",
        "reasoning": "hm",
        "reasoning_details": [{ "type": "reasoning.encrypted", "data": "xyz" }],
        "tool_calls": [{
            "id": "c1", "function": { "name": "add", "arguments": "{}" },
            "extra_content": { "google": { "thought_signature": "sig" } },
        }],
    } }] });
    let server = Server::start([Reply::json(answer), Reply::json(HELLO)]).await;
    let model = server
        .openai()
        .open_router()
        .api_key("key-1")
        .build()
        .expect("it can be built");
    let first = model.generate("hi").await.expect("it answers");
    let result = first
        .message
        .tool_calls()
        .next()
        .expect("it calls")
        .result("3");
    let request = ModelRequest::new(vec![first.message, Message::tool(result)]);
    model.generate(request).await.expect("it answers");
    let message = &server.last()["messages"][0];
    assert_eq!(message["reasoning_details"][0]["data"], "xyz");
    let extra = &message["tool_calls"][0]["extra_content"];
    assert_eq!(extra["google"]["thought_signature"], "sig");
    assert_eq!(message.get("extra_content"), None);
}

#[tokio::test]
async fn details_that_come_in_pieces_go_back_whole() {
    let piece = |text: &str, more: Value| {
        let mut detail = json!({ "type": "reasoning.text", "index": 0, "text": text });
        detail["signature"] = more;
        json!({ "choices": [{ "delta": { "reasoning_details": [detail] } }] }).to_string()
    };
    let end = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
    let (one, two) = (piece("h", Value::Null), piece("m", json!("sig")));
    let stream = Reply::events(&[&one, &two, end, "[DONE]"]);
    let server = Server::start([stream, Reply::json(HELLO)]).await;
    let model = server
        .openai()
        .open_router()
        .api_key("key-1")
        .build()
        .expect("it can be built");
    let first = model.stream("hi").finish().await.expect("it answers");
    model.generate(first.message).await.expect("it answers");
    let expected =
        json!([{ "type": "reasoning.text", "index": 0, "text": "hm", "signature": "sig" }]);
    assert_eq!(server.last()["messages"][0]["reasoning_details"], expected);
}

#[tokio::test]
async fn a_schema_is_sent_as_it_can_be_enforced() {
    for (schema, expected, strict) in [
        (
            json!({ "$schema": "x", "type": "object", "properties": {
                "a": { "type": "integer", "format": "uint32", "default": 3 },
                "b": { "oneOf": [{ "type": "string", "format": "date" }, { "type": "null" }] },
                "c": { "type": "array", "items": { "$ref": "#/$defs/C" } },
            }, "$defs": { "C": { "type": "object", "properties": {} } } }),
            json!({ "type": "object", "properties": {
                "a": { "type": "integer" },
                "b": { "anyOf": [{ "type": "string", "format": "date" }, { "type": "null" }] },
                "c": { "type": "array", "items": { "$ref": "#/$defs/C" } },
            }, "required": ["a", "b", "c"], "additionalProperties": false,
            "$defs": { "C": { "type": "object", "properties": {}, "required": [], "additionalProperties": false } } }),
            true,
        ),
        (
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            false,
        ),
        (
            json!({ "type": "array" }),
            json!({ "type": "array" }),
            false,
        ),
    ] {
        let name = "answer".to_owned();
        let request = ModelRequest::from("hi").output(OutputFormat::Schema { name, schema });
        let body = sent(|model| model, request).await;
        let format = json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "schema": expected, "strict": strict },
        });
        assert_eq!(body["response_format"], format);
    }
}

/// A person in a text.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Person {
    name: String,
    #[serde(default)]
    friends: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Ages(BTreeMap<String, u32>);

/// What is sent for an answer of a type, and what comes of this one.
async fn extracted<T: DeserializeOwned + JsonSchema>(
    to: impl FnOnce(OpenAi) -> OpenAi,
    message: Value,
) -> (T, Value) {
    let answer = json!({ "choices": [{ "message": message }] });
    let server = Server::start([Reply::json(answer)]).await;
    let model = to(server.openai()).api_key("key-1").build();
    let value = model.expect("it can be built").extract("Who?").await;
    (value.expect("it fits"), server.last())
}

#[tokio::test]
async fn an_answer_of_a_type_is_enforced_where_it_can_be() {
    let ann = json!({ "content": r#"{"name":"Ann","friends":null}"# });
    let (person, body) = extracted::<Person>(|model| model, ann).await;
    assert_eq!((&*person.name, person.friends.len()), ("Ann", 0));
    let format = &body["response_format"]["json_schema"];
    assert_eq!(format["strict"], true);
    assert_eq!(format["schema"]["required"], json!(["friends", "name"]));
    let friends = &format["schema"]["properties"]["friends"]["anyOf"];
    assert_eq!(friends[1], json!({ "type": "null" }));
}

/// Its interface lacks what the forced call of a tool needs.
#[tokio::test]
async fn an_answer_of_a_type_is_asked_for_as_the_interface_can() {
    let ages = json!({ "content": r#"{"Ann":92}"# });
    let (ages, body) = extracted::<Ages>(OpenAi::ollama, ages).await;
    assert_eq!(ages.0["Ann"], 92);
    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    assert_eq!(body.get("tools"), None);
}

#[tokio::test]
async fn what_cannot_be_said_is_an_error() {
    let image = Part::Image(Media::id("file-1"));
    let sound = Part::Audio(Media::url("https://x.org/a.wav"));
    for (request, expected) in [
        (
            ModelRequest::from(Message::user("x").part(image)),
            "this server does not take a picture by its id",
        ),
        (
            ModelRequest::from(Message::user("x").part(sound)),
            "this server does not take sound that is not sent along",
        ),
        (
            ModelRequest::from(Message::system("x").image_url("u")),
            "this server does not take a picture in a system message",
        ),
        (
            ModelRequest::from("x").extra("stream", true),
            "this crate does not take `stream` as an extra field",
        ),
    ] {
        let server = Server::start([]).await;
        let error = server.model().generate(request).await.unwrap_err();
        assert_eq!(show_error(&error), format!("unsupported: {expected}"));
        assert_eq!(server.n_seen(), 0);
    }
}
