//! The interface Responses.

use serde_json::{Value, json};
use superstep_providers::{
    Effort, Media, Message, Model, ModelRequest, OutputFormat, Part, ToolChoice, ToolSpec,
};

use crate::kit::{Reply, Server, same, show, show_error};

fn model(server: &Server) -> Model {
    let model = server.openai().attempts(1).responses().build();
    model.expect("it can be built")
}

const OUTPUT: &str = r#"[
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"xyz"},
    {"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hello"}]},
    {"type":"function_call","id":"fc_1","call_id":"c1","name":"add","arguments":"{\"a\":1}"},
    {"type":"web_search_call","id":"ws_1","status":"completed"}
]"#;

fn whole() -> Value {
    let output: Value = serde_json::from_str(OUTPUT).expect("it is JSON");
    json!({
        "id": "resp_1", "object": "response", "model": "m-1", "status": "completed",
        "error": null, "incomplete_details": null, "output": output,
        "usage": { "input_tokens": 3, "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 2 } },
    })
}

#[tokio::test]
async fn a_whole_answer() {
    let server = Server::start([Reply::json(whole())]).await;
    let response = model(&server).generate("hi").await.expect("it answers");
    assert_eq!(response.usage.reasoning, 2);
    assert_eq!(response.id.as_deref(), Some("resp_1"));
    let expected = r#"thought "hm" {"responses_item":{"encrypted_content":"xyz","id":"rs_1","summary":[{"text":"hm","type":"summary_text"}],"type":"reasoning"}} "Hello" c1:add({"a":1}) ToolCalls 3+5"#;
    assert_eq!(show(Ok(response)), expected);
    assert_eq!(server.seen()[0].path, "/v1/responses");
}

#[tokio::test]
async fn a_streamed_answer() {
    let output: Value = serde_json::from_str(OUTPUT).expect("it is JSON");
    let events = [
        json!({ "type": "response.created", "response": { "id": "resp_1", "model": "m-1", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.in_progress", "response": { "id": "resp_1", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "reasoning", "id": "rs_1", "summary": [] } }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "h" }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "m" }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": output[0] }),
        json!({ "type": "response.output_item.added", "output_index": 1, "item": { "type": "message", "content": [] } }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "delta": "Hel" }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "delta": "lo" }),
        json!({ "type": "response.output_text.done", "output_index": 1, "text": "Hello" }),
        json!({ "type": "response.output_item.done", "output_index": 1, "item": output[1] }),
        json!({ "type": "response.output_item.added", "output_index": 2, "item": { "type": "function_call", "call_id": "c1", "name": "add", "arguments": "" } }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"a\"" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}" }),
        json!({ "type": "response.output_item.done", "output_index": 2, "item": output[2] }),
        json!({ "type": "response.of_tomorrow", "output_index": 3 }),
        json!({ "type": "response.output_item.done", "output_index": 3, "item": output[3] }),
        json!({ "type": "response.completed", "response": whole() }),
    ];
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    let texts: Vec<&str> = events.iter().map(String::as_str).collect();
    let whole_server = Server::start([Reply::json(whole())]).await;
    let expected = show(model(&whole_server).generate("hi").await);

    let server = Server::start([Reply::events(&texts)]).await;
    let streamed = model(&server).stream("hi").finish().await;
    same("streamed", &show(streamed), &expected);
    assert_eq!(server.last()["stream"], true);
    assert_eq!(server.last().get("stream_options"), None);

    // Without deltas, and cut off before its end.
    let few = [texts[5], texts[10], texts[14], texts[17]];
    let server = Server::start([Reply::events(&few), Reply::events(&few[..3])]).await;
    let model = model(&server);
    same(
        "items alone",
        &show(model.stream("hi").finish().await),
        &expected,
    );
    same(
        "cut off",
        &show(model.stream("hi").finish().await),
        "truncated 200",
    );
}

#[tokio::test]
async fn answers_that_are_not_complete_or_failed() {
    let end = |status: &str, more: Value| {
        let mut response = json!({ "status": status, "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "x" }] }] });
        for (key, value) in more.as_object().expect("it is one") {
            response[key] = value.clone();
        }
        response
    };
    let because = |reason: &str| json!({ "incomplete_details": { "reason": reason } });
    for (kind, response, expected) in [
        (
            "response.incomplete",
            end("incomplete", because("max_output_tokens")),
            r#""x" Length"#,
        ),
        (
            "response.incomplete",
            end("incomplete", because("content_filter")),
            r#""x" ContentFilter"#,
        ),
        (
            "response.incomplete",
            end("incomplete", because("else")),
            r#""x" other "else""#,
        ),
        (
            "response.failed",
            end(
                "failed",
                json!({ "error": { "code": "rate_limit_exceeded", "message": "slow" } }),
            ),
            "rate-limited 200 `rate_limit_exceeded`: slow",
        ),
        (
            "response.failed",
            end("failed", json!({ "error": null })),
            "overloaded 200",
        ),
        (
            "response.completed",
            json!({ "status": "completed", "output": [{ "type": "message", "content": [{ "type": "refusal", "refusal": "no" }] }] }),
            r#"refused "no" Stop"#,
        ),
    ] {
        let event = json!({ "type": kind, "response": response }).to_string();
        let server = Server::start([Reply::json(&response), Reply::events(&[&event])]).await;
        let model = model(&server);
        same(kind, &show(model.generate("hi").await), expected);
        same(kind, &show(model.stream("hi").finish().await), expected);
    }
    let error =
        json!({ "type": "error", "code": "server_error", "message": "gone", "param": null });
    let server = Server::start([Reply::events(&[&error.to_string()])]).await;
    let error = model(&server).stream("hi").finish().await;
    same("error", &show(error), "overloaded 200 `server_error`: gone");
}

#[tokio::test]
async fn a_request_says_all_that_is_set() {
    let tool = ToolSpec {
        name: "add".into(),
        description: "Adds.".into(),
        parameters: json!({ "type": "object" }),
    };
    let schema = json!({ "type": "object", "properties": {} });
    let first = Server::start([Reply::json(whole())]).await;
    let before = model(&first)
        .generate("hi")
        .await
        .expect("it answers")
        .message;
    let result = before.tool_calls().next().expect("it calls").result("3");
    let picture = Message::user("look").image("image/png", *b"abc");
    let document = Part::File(Media::url("https://x.org/a.pdf"));
    let request = ModelRequest::from([
        Message::system("Be brief."),
        picture.part(document),
        before,
        Message::tool(result),
    ])
    .tool(tool)
    .tool_choice(ToolChoice::Named("add".into()))
    .output(OutputFormat::Schema {
        name: "x".into(),
        schema,
    })
    .max_tokens(9)
    .effort(Effort::High)
    .extra("previous_response_id", "resp_0");
    let server = Server::start([Reply::json(whole())]).await;
    model(&server).generate(request).await.expect("it answers");
    let output: Value = serde_json::from_str(OUTPUT).expect("it is JSON");
    let expected = json!({
        "model": "m",
        "input": [
            { "type": "message", "role": "system", "content": [{ "type": "input_text", "text": "Be brief." }] },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "look" },
                { "type": "input_image", "image_url": "data:image/png;base64,YWJj" },
                { "type": "input_file", "file_url": "https://x.org/a.pdf" },
            ] },
            output[0],
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello" }] },
            { "type": "function_call", "call_id": "c1", "name": "add", "arguments": "{\"a\":1}" },
            { "type": "function_call_output", "call_id": "c1", "output": "3" },
        ],
        "tools": [{ "type": "function", "name": "add", "description": "Adds.", "parameters": { "type": "object" }, "strict": false }],
        "tool_choice": { "type": "function", "name": "add" },
        "text": { "format": { "type": "json_schema", "name": "x", "strict": true,
            "schema": { "type": "object", "properties": {}, "required": [], "additionalProperties": false } } },
        "max_output_tokens": 9,
        "reasoning": { "effort": "high" },
        "previous_response_id": "resp_0",
        "stream": false,
    });
    assert_eq!(server.last(), expected);
}

#[tokio::test]
async fn who_of_several_users_speaks_stands_before_what_they_say() {
    let server = Server::start([Reply::json(whole())]).await;
    let request = ModelRequest::from([
        Message::user("I am here.").named("ann"),
        Message::assistant("So am I.").named("agent"),
    ]);
    model(&server).generate(request).await.expect("it answers");
    let input = &server.last()["input"];
    let name = json!({ "type": "input_text", "text": "ann: " });
    assert_eq!(input[0]["content"][0], name);
    assert_eq!(input[0]["content"][1]["text"], "I am here.");
    assert_eq!(input[1]["content"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_responses_does_not_know_is_an_error() {
    let sound = Part::Audio(Media::data("audio/wav", *b"x"));
    for (request, what) in [
        (ModelRequest::from("x").seed(1), "`seed`"),
        (ModelRequest::from("x").stop("y"), "`stop`"),
        (Message::user("x").part(sound).into(), "sound"),
    ] {
        let server = Server::start([]).await;
        let error = model(&server).generate(request).await.unwrap_err();
        assert_eq!(
            show_error(&error),
            format!("unsupported: Responses does not take {what}")
        );
    }
}
