//! What the presets ask, and what they do not.

use std::collections::BTreeMap;
use std::process::Command;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use superstep_providers::{
    Capabilities, Effort, Extract, Message, Model, ModelErrorKind, ModelRequest, OpenAi,
    OutputFormat, ToolChoice, ToolSpec,
};

use crate::kit::{Reply, Server, show_error};

const HELLO: &str = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;

fn preset(name: &str, server: &Server) -> OpenAi {
    let model = server.openai().attempts(1);
    match name {
        "OpenAI" => model,
        "vLLM" => model.vllm(&server.url),
        "Azure" => model.azure(&server.url, "mine", "2025-01-01"),
        "Ollama" => model.ollama(),
        "Gemini" => model.gemini(),
        "OpenRouter" => model.open_router(),
        "DeepSeek" => model.deep_seek(),
        "Anthropic" => model.anthropic(),
        other => panic!("no preset `{other}`"),
    }
}

fn adder() -> ToolSpec {
    ToolSpec {
        name: "add".into(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
    }
}

/// Which of all that can be asked for a preset says that it does not take.
async fn refused(name: &str) -> Vec<&'static str> {
    let schema = OutputFormat::Schema {
        name: "x".into(),
        schema: json!({ "type": "object" }),
    };
    let ask = || ModelRequest::from("hi");
    let all = [
        ("tools", ask().tool(adder())),
        (
            "tool_choice",
            ask().tool(adder()).tool_choice(ToolChoice::Required),
        ),
        (
            "parallel_tool_calls",
            ask().tool(adder()).parallel_tool_calls(true),
        ),
        ("schema", ask().output(schema)),
        ("json", ask().output(OutputFormat::Json)),
        ("seed", ask().seed(1)),
        ("effort", ask().effort(Effort::Low)),
        ("stop", ask().stop("x")),
        ("image url", Message::user("x").image_url("u").into()),
        ("image", Message::user("x").image("image/png", *b"x").into()),
    ];
    let mut refused = Vec::new();
    for (what, request) in all {
        let server = Server::start([Reply::json(HELLO)]).await;
        let model = preset(name, &server).api_key("key-1").build();
        match model.expect("it can be built").generate(request).await {
            Ok(_) => assert_eq!(server.n_seen(), 1),
            Err(error) => {
                assert_eq!(error.kind, ModelErrorKind::Unsupported, "{error}");
                assert!(error.to_string().contains(name), "{error}");
                assert_eq!(server.n_seen(), 0, "{what}");
                refused.push(what);
            }
        }
    }
    refused
}

#[tokio::test]
async fn what_an_interface_does_not_know_is_an_error() {
    for (name, expected) in [
        (
            "Ollama",
            &["tool_choice", "parallel_tool_calls", "image url"][..],
        ),
        ("Gemini", &["parallel_tool_calls", "seed"]),
        ("OpenRouter", &[]),
        (
            "DeepSeek",
            &[
                "parallel_tool_calls",
                "schema",
                "seed",
                "effort",
                "image url",
                "image",
            ],
        ),
        ("Anthropic", &["schema", "json", "seed", "effort"]),
    ] {
        assert_eq!(refused(name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn what_a_model_can_do_can_be_said() {
    let server = Server::start([Reply::json(HELLO)]).await;
    let able = server
        .openai()
        .deep_seek()
        .api_key("key-1")
        .capabilities(Capabilities::all());
    let able = able.build().expect("it can be built");
    assert!(able.capabilities().images);
    let request = Message::user("x").image_url("u");
    able.generate(request.clone()).await.expect("it answers");
    let blind = server.openai().capabilities(Capabilities::text()).build();
    let error = blind
        .expect("it can be built")
        .generate(request)
        .await
        .unwrap_err();
    assert_eq!(
        show_error(&error),
        "unsupported: this server does not take pictures"
    );
}

#[tokio::test]
async fn azure_is_asked_in_its_own_way() {
    let hello = || Reply::json(HELLO);
    let server = Server::start([hello(), hello()]).await;
    let endpoint = server.url.trim_end_matches("/v1");
    let azure = OpenAi::new("gpt-5").azure(format!("{endpoint}/"), "mine", "2025-01-01");
    let azure = azure.api_key("key-1");
    let model = azure.clone().build().expect("it can be built");
    model
        .generate(ModelRequest::from("hi").max_tokens(5))
        .await
        .expect("it answers");
    {
        let seen = &server.seen()[0];
        let path = "/openai/deployments/mine/chat/completions?api-version=2025-01-01";
        assert_eq!(seen.path, path);
        assert_eq!(seen.header("api-key"), Some("key-1"));
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.body["max_completion_tokens"], 5);
    }
    let model = azure.responses().build().expect("it can be built");
    let _ = model.generate("hi").await;
    let seen = &server.seen()[1];
    assert_eq!(seen.path, "/openai/responses?api-version=2025-01-01");
    assert_eq!(seen.body["model"], "mine");
}

#[tokio::test]
async fn headers_and_what_stands_in_an_address_go_along() {
    let server = Server::start([Reply::json(HELLO)]).await;
    let model = OpenAi::new("m")
        .base_url(format!("{}/?tenant=a%20b", server.url))
        .api_key("key-1")
        .organization("org-1")
        .header("X-Title", "Superstep")
        .build();
    model
        .expect("it can be built")
        .ask("hi")
        .await
        .expect("it answers");
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/v1/chat/completions?tenant=a+b");
    assert_eq!(seen.header("authorization"), Some("Bearer key-1"));
    assert_eq!(seen.header("openai-organization"), Some("org-1"));
    assert_eq!(seen.header("x-title"), Some("Superstep"));
}

#[test]
fn what_cannot_be_asked_is_said_at_once() {
    let model = || OpenAi::new("m").api_key("key-1");
    for (model, expected) in [
        (
            OpenAi::new("").api_key("key-1"),
            "setup: no model is named: set `OPENAI_MODEL`, or call `OpenAi::model`",
        ),
        (model().base_url("not a URL"), "setup: the base URL is none"),
        (
            model().base_url("ftp://x.org"),
            "setup: the base URL is not one of HTTP",
        ),
        (
            model().header("a b", "c"),
            "setup: `a b` cannot be the name of a header",
        ),
        (
            model().header("a", "b\nc"),
            "setup: the header `a` has a value that none can have",
        ),
        (
            OpenAi::new("m")
                .azure("https://x.org", "d", "v")
                .base_url(""),
            "setup: the base URL is none",
        ),
    ] {
        let error = model.build().unwrap_err();
        assert_eq!(show_error(&error), expected);
    }
}

/// This test binary again, to run only that test, in an environment of these
/// variables.
fn child(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["--exact", test, "--nocapture"]);
    for name in [
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_MODEL",
        "DEEPSEEK_API_KEY",
    ] {
        command.env_remove(name);
    }
    let output = command
        .env("IS_CHILD", "1")
        .envs(variables.iter().copied())
        .output();
    let output = output.expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

fn is_child() -> bool {
    std::env::var_os("IS_CHILD").is_some()
}

#[tokio::test]
async fn the_environment_names_a_model() {
    let server = Server::start([Reply::json(HELLO)]).await;
    let url = server.url.clone();
    let asks = tokio::task::spawn_blocking(move || {
        child(
            "presets::child_with_all",
            &[
                ("OPENAI_API_KEY", "key-1"),
                ("OPENAI_BASE_URL", &url),
                ("OPENAI_MODEL", "mine"),
            ],
        );
    });
    asks.await.expect("it passes");
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), Some("Bearer key-1"));
    assert_eq!(seen.body["model"], "mine");
}

#[tokio::test]
async fn child_with_all() {
    if !is_child() {
        return;
    }
    let model = Model::from_env().expect("all is set");
    assert_eq!(model.name(), "mine");
    assert_eq!(model.ask("hi").await.expect("it answers"), "Hello");
}

#[test]
fn the_environment_may_be_empty() {
    child("presets::child_with_nothing", &[("OPENAI_API_KEY", "")]);
    child("presets::child_with_a_key", &[("OPENAI_API_KEY", "key-1")]);
}

#[test]
fn child_with_nothing() {
    if !is_child() {
        return;
    }
    let error = OpenAi::from_env().unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Auth);
    assert!(error.to_string().contains("`OPENAI_API_KEY`"), "{error}");
    let error = OpenAi::new("m").build().unwrap_err();
    assert_eq!(
        show_error(&error),
        "auth: set `OPENAI_API_KEY`, or call `OpenAi::api_key`"
    );
    let error = OpenAi::new("m").deep_seek().build().unwrap_err();
    assert_eq!(
        show_error(&error),
        "auth: set `DEEPSEEK_API_KEY`, or call `OpenAi::api_key`"
    );
    OpenAi::new("m").ollama().build().expect("it needs no key");
    OpenAi::new("m")
        .vllm("http://localhost:8000/v1")
        .build()
        .expect("it needs no key");
}

#[test]
fn child_with_a_key() {
    if !is_child() {
        return;
    }
    OpenAi::new("m").build().expect("it is OpenAI's");
    let unnamed = OpenAi::from_env()
        .expect("there is a key")
        .build()
        .unwrap_err();
    assert_eq!(unnamed.kind, ModelErrorKind::Setup);
    // Nobody else's.
    let error = OpenAi::from_env()
        .expect("there is a key")
        .model("m")
        .deep_seek()
        .build();
    assert_eq!(error.unwrap_err().kind, ModelErrorKind::Auth);
}

/// What is found in a text.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Found {
    name: String,
}

/// No strict schema says it.
type Counts = BTreeMap<String, u32>;

/// How a preset is asked for an answer of that type, in a conversation that has a
/// tool: how many tools there are, whether one is to be called, and what shape is
/// asked for.
async fn extracted<T: DeserializeOwned + JsonSchema>(name: &str, value: &str) -> String {
    let called =
        |tool: &str| json!({ "id": "c1", "function": { "name": tool, "arguments": value } });
    let calls = ["Found", "Map_of_uint32"].map(called);
    let message = json!({ "content": value, "tool_calls": calls });
    let server = Server::start([Reply::json(json!({ "choices": [{ "message": message }] }))]).await;
    let model = preset(name, &server).api_key("key-1").build();
    let request = ModelRequest::from("Who?").tool(adder());
    let how = Extract::new().attempts(1);
    let model = model.expect("it can be built");
    if let Err(error) = model.extract_with::<T>(request, how).await {
        return error.to_string();
    }
    let body = server.last();
    assert_eq!(server.n_seen(), 1, "{name}");
    assert_eq!(body["parallel_tool_calls"], Value::Null, "{name}");
    let n_tools = body["tools"].as_array().map_or(0, Vec::len);
    let choice = match &body["tool_choice"] {
        Value::Object(_) => "named",
        choice => choice.as_str().unwrap_or("-"),
    };
    let shape = body["response_format"]["type"].as_str().unwrap_or("-");
    format!("{n_tools} {choice} {shape}")
}

#[tokio::test]
async fn answers_of_a_type_come_from_every_preset_whatever_tools_there_are() {
    for (name, found, counts) in [
        ("OpenAI", "1 none json_schema", "2 named -"),
        ("vLLM", "1 none json_schema", "2 named -"),
        ("Azure", "1 none json_schema", "2 named -"),
        ("Ollama", "0 - json_schema", "0 - json_object"),
        ("Gemini", "1 none json_schema", "2 named -"),
        ("OpenRouter", "1 none json_schema", "2 named -"),
        ("DeepSeek", "2 named -", "2 named -"),
        ("Anthropic", "2 named -", "2 named -"),
    ] {
        let value = r#"{ "name": "Ann" }"#;
        assert_eq!(extracted::<Found>(name, value).await, found, "{name}");
        let value = r#"{ "a": 1 }"#;
        assert_eq!(extracted::<Counts>(name, value).await, counts, "{name}");
    }
}

#[tokio::test]
async fn tools_that_must_not_be_called_are_kept_from_who_cannot_be_told() {
    let request = ModelRequest::from("hi").tool(adder());
    let request = request.tool_choice(ToolChoice::None);
    let item = json!({ "type": "message", "content": [{ "type": "output_text", "text": "Hi" }] });
    let responses = json!({ "status": "completed", "output": [item] });
    let server = Server::start([Reply::json(HELLO), Reply::json(responses)]).await;
    let ollama = server.openai().attempts(1).ollama();
    for model in [ollama.clone(), ollama.responses()] {
        let model = model.build().expect("it can be built");
        model.generate(request.clone()).await.expect("it answers");
        let body = server.last();
        assert_eq!(
            (&body["tools"], &body["tool_choice"]),
            (&Value::Null, &Value::Null)
        );
    }
}
