//! A server that speaks both interfaces as OpenAI's do, and says what a model for
//! tests says.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use superstep_providers::{
    ChatModel as _, Delta, Finish, Message, ModelRequest, ModelResponse, OutputFormat, Part,
    TestModel, TokenUsage, ToolCall, ToolChoice, ToolResult, ToolSpec,
};

/// Where a server of a [`TestModel`] is found; one that fails knows no key.
pub(crate) async fn serve(fails: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let url = format!("http://{}/v1", listener.local_addr().expect("it has one"));
    let router = match fails {
        true => Router::new().fallback(refuse),
        false => Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/responses", post(responses)),
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// As OpenAI says it, in more than a line.
async fn refuse() -> Response {
    let error = json!({
        "message": "Incorrect API key provided: none.\nYou can find yours on the web.",
        "type": "invalid_request_error", "param": null, "code": "invalid_api_key",
    });
    answer(401, &json!({ "error": error }))
}

fn answer(status: u16, json: &Value) -> Response {
    let response = Response::builder().status(status);
    let response = response.header("content-type", "application/json");
    let body = Body::from(json.to_string());
    response.body(body).expect("it is a response")
}

async fn body(request: Request) -> Value {
    let body = to_bytes(request.into_body(), usize::MAX).await;
    serde_json::from_slice(&body.expect("it comes")).expect("it is JSON")
}

fn events(events: impl IntoIterator<Item = Value>, done: &'static str) -> Response {
    let events = events.into_iter().map(|event| format!("data: {event}\n\n"));
    let text: String = events.chain([done.to_owned()]).collect();
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(Body::from(text)).expect("it is a response")
}

async fn chat(request: Request) -> Response {
    let body = body(request).await;
    let request = of_chat(&body);
    if body["stream"] != true {
        let said = TestModel::new().generate(request).await;
        return answer(200, &whole_chat(&said.expect("it answers")));
    }
    let deltas = deltas(&request).await;
    assert_eq!(body["stream_options"]["include_usage"], true);
    events(deltas.iter().map(chunk), "data: [DONE]\n\n")
}

async fn responses(request: Request) -> Response {
    let body = body(request).await;
    let request = of_responses(&body);
    let said = TestModel::new().generate(request.clone()).await;
    let whole = whole_response(&said.expect("it answers"));
    if body["stream"] != true {
        return answer(200, &whole);
    }
    let mut all = vec![json!({ "type": "response.created", "response": { "id": "resp_1" } })];
    all.extend(deltas(&request).await.iter().filter_map(event));
    let kind = format!("response.{}", text(&whole["status"]));
    all.push(json!({ "type": kind, "response": whole }));
    events(all, "")
}

async fn deltas(request: &ModelRequest) -> Vec<Delta> {
    let mut stream = TestModel::new().stream(request).expect("it can");
    let mut deltas = Vec::new();
    while let Some(delta) = stream.next().await {
        deltas.push(delta.expect("it answers"));
    }
    deltas
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What both interfaces have in common.
fn common(body: &Value, most: &str) -> ModelRequest {
    let mut request = ModelRequest::default();
    let most = body[most].as_u64().and_then(|n| u32::try_from(n).ok());
    request.max_tokens = most;
    request.stop = each(&body["stop"]).map(text).collect();
    request.parallel_tool_calls = body["parallel_tool_calls"].as_bool();
    for tool in each(&body["tools"]) {
        let tool = tool.get("function").unwrap_or(tool);
        request = request.tool(ToolSpec {
            name: text(&tool["name"]),
            description: text(&tool["description"]),
            parameters: tool["parameters"].clone(),
        });
    }
    let choice = &body["tool_choice"];
    let named = choice.pointer("/function/name").or(choice.get("name"));
    request.tool_choice = match (choice.as_str(), named) {
        (Some("none"), _) => ToolChoice::None,
        (Some("required"), _) => ToolChoice::Required,
        (_, Some(name)) => ToolChoice::Named(text(name)),
        _ => ToolChoice::Auto,
    };
    request
}

fn output(format: &Value) -> OutputFormat {
    let schema = format.get("json_schema").unwrap_or(format);
    match format["type"].as_str() {
        Some("json_schema") => OutputFormat::Schema {
            name: text(&schema["name"]),
            schema: schema["schema"].clone(),
        },
        Some("json_object") => OutputFormat::Json,
        _ => OutputFormat::Text,
    }
}

fn of_chat(body: &Value) -> ModelRequest {
    let mut request = common(body, "max_tokens");
    request.output = output(&body["response_format"]);
    for message in each(&body["messages"]) {
        let content = text(&message["content"]);
        let message = match message["role"].as_str().unwrap_or_default() {
            "system" => Message::system(content),
            "user" => Message::user(content),
            "assistant" => {
                let calls = each(&message["tool_calls"]).map(|call| {
                    let function = &call["function"];
                    called(&call["id"], &function["name"], &function["arguments"])
                });
                calls.fold(Message::assistant(content), Message::part)
            }
            "tool" => result(&request, &message["tool_call_id"], content),
            other => panic!("nobody is `{other}`"),
        };
        request = request.message(message);
    }
    request
}

fn of_responses(body: &Value) -> ModelRequest {
    let mut request = common(body, "max_output_tokens");
    request.output = output(&body["text"]["format"]);
    for item in each(&body["input"]) {
        let content: String = each(&item["content"])
            .map(|part| text(&part["text"]))
            .collect();
        let role = item["role"].as_str().unwrap_or_default();
        let message = match (text(&item["type"]).as_str(), role) {
            ("message", "system") => Message::system(content),
            ("message", "user") => Message::user(content),
            ("message", "assistant") => Message::assistant(content),
            ("function_call", _) => {
                let call = called(&item["call_id"], &item["name"], &item["arguments"]);
                Message::assistant("").part(call)
            }
            ("function_call_output", _) => {
                result(&request, &item["call_id"], text(&item["output"]))
            }
            other => panic!("there is no {other:?}"),
        };
        request = request.message(message);
    }
    request
}

fn called(id: &Value, name: &Value, arguments: &Value) -> Part {
    Part::ToolCall(ToolCall {
        id: text(id),
        name: text(name),
        arguments: text(arguments),
    })
}

/// The result of a call that was made before.
fn result(request: &ModelRequest, id: &Value, content: String) -> Message {
    let mut calls = request.messages.iter().flat_map(Message::tool_calls);
    let call = calls.find(|call| Some(call.id.as_str()) == id.as_str());
    let call = call.expect("the call is in the conversation");
    Message::tool(ToolResult {
        content,
        ..call.result("")
    })
}

fn reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "stop",
        Finish::ToolCalls => "tool_calls",
        Finish::Length => "length",
        other => panic!("it does not end by {other:?}"),
    }
}

fn usage(usage: TokenUsage) -> Value {
    json!({ "prompt_tokens": usage.input, "completion_tokens": usage.output })
}

fn whole_chat(answer: &ModelResponse) -> Value {
    let calls = answer.message.tool_calls().map(|call| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "id": call.id, "type": "function", "function": function })
    });
    let calls: Vec<Value> = calls.collect();
    let message = json!({ "content": answer.message.text(), "tool_calls": calls });
    let choice = json!({ "message": message, "finish_reason": reason(&answer.finish) });
    json!({ "id": "c1", "choices": [choice], "usage": usage(answer.usage) })
}

fn chunk(delta: &Delta) -> Value {
    let choice = match delta {
        Delta::Started { .. } => json!({ "delta": { "role": "assistant", "content": "" } }),
        Delta::Text { text } => json!({ "delta": { "content": text } }),
        Delta::ToolCall {
            index,
            id,
            name,
            arguments,
        } => {
            let function = json!({ "name": name, "arguments": arguments });
            let call = json!({ "index": index, "id": id, "function": function });
            json!({ "delta": { "tool_calls": [call] } })
        }
        Delta::Finished(finish) => json!({ "delta": {}, "finish_reason": reason(finish) }),
        Delta::Usage(used) => return json!({ "id": "c1", "choices": [], "usage": usage(*used) }),
        other => panic!("it does not say {other:?}"),
    };
    json!({ "id": "c1", "choices": [choice] })
}

fn whole_response(answer: &ModelResponse) -> Value {
    let mut output = Vec::new();
    for part in &answer.message.parts {
        output.push(match part {
            Part::Text { text } => {
                let content = json!([{ "type": "output_text", "text": text }]);
                json!({ "type": "message", "role": "assistant", "content": content })
            }
            Part::ToolCall(call) => json!({
                "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id,
                "name": call.name, "arguments": call.arguments,
            }),
            other => panic!("it does not say {other:?}"),
        });
    }
    let (status, details) = match answer.finish {
        Finish::Length => ("incomplete", json!({ "reason": "max_output_tokens" })),
        _ => ("completed", Value::Null),
    };
    json!({
        "id": "resp_1", "status": status, "incomplete_details": details, "output": output,
        "usage": { "input_tokens": answer.usage.input, "output_tokens": answer.usage.output },
    })
}

/// An event of what the whole response tells in the end, too. An answer is text,
/// or else calls.
fn event(delta: &Delta) -> Option<Value> {
    match delta {
        Delta::Text { text } => Some(json!({
            "type": "response.output_text.delta", "output_index": 0, "delta": text,
        })),
        Delta::ToolCall {
            index,
            id: Some(id),
            name,
            ..
        } => Some(json!({
            "type": "response.output_item.added", "output_index": index,
            "item": { "type": "function_call", "call_id": id, "name": name, "arguments": "" },
        })),
        Delta::ToolCall {
            index, arguments, ..
        } => Some(json!({
            "type": "response.function_call_arguments.delta", "output_index": index,
            "delta": arguments,
        })),
        _ => None,
    }
}
