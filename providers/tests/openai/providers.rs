//! What each provider sends, as it sends it.

use superstep_providers::{Model, OpenAi};

use crate::kit::{Reply, Server, same, show};

type Preset = fn(OpenAi, &str) -> OpenAi;

/// A model at a server that takes that provider's part.
fn at(server: &Server, preset: Preset) -> Model {
    let model = preset(server.openai(), &server.url);
    let model = model.api_key("key-1").attempts(1);
    model.build().expect("it can be built")
}

/// What a stream of these lines comes to.
async fn streamed(preset: Preset, lines: &str, expected: &str) {
    let server = Server::start([Reply::pieces(&[lines.trim_start().replace('\n', "\n\n")])]).await;
    let answered = at(&server, preset).stream("hi").finish().await;
    same(lines, &show(answered), expected);
}

/// What a whole answer comes to.
async fn whole(preset: Preset, status: u16, body: &str, expected: &str) {
    let server = Server::start([Reply::json(body).status(status)]).await;
    let answered = at(&server, preset).generate("hi").await;
    same(body, &show(answered), expected);
}

#[tokio::test]
async fn ollama() {
    let preset: Preset = |model, _| model.ollama();
    streamed(
        preset,
        r#"
data: {"id":"chatcmpl-77","object":"chat.completion.chunk","created":1732600000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Let me"},"finish_reason":null}]}
data: {"id":"chatcmpl-77","object":"chat.completion.chunk","created":1732600000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":" add."},"finish_reason":null}]}
data: {"id":"chatcmpl-77","object":"chat.completion.chunk","created":1732600000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_x","index":0,"type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}]},"finish_reason":null}]}
data: {"id":"chatcmpl-77","object":"chat.completion.chunk","created":1732600000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}
data: {"id":"chatcmpl-77","object":"chat.completion.chunk","created":1732600000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}
data: [DONE]
"#,
        r#"thought "Let me add." call_x:add({"a":1}) ToolCalls 11+7"#,
    )
    .await;
    let error = r#"{"error":{"message":"model \"qwen9\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#;
    let told = r#"bad-request 404 `api_error`: model "qwen9" not found, try pulling it first"#;
    whole(preset, 404, error, told).await;
}

#[tokio::test]
async fn vllm() {
    let preset: Preset = |model, url| model.vllm(url);
    streamed(
        preset,
        r#"
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"reasoning_content":"Hm."},"logprobs":null,"finish_reason":null}]}
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"tool_calls":[{"id":"chatcmpl-tool-1","type":"function","index":0,"function":{"name":"add"}}]},"logprobs":null,"finish_reason":null}]}
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]},"logprobs":null,"finish_reason":null}]}
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"logprobs":null,"finish_reason":"tool_calls","stop_reason":null}]}
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[],"usage":{"prompt_tokens":5,"total_tokens":9,"completion_tokens":4,"prompt_tokens_details":null}}
data: [DONE]
"#,
        r#"thought "Hm." chatcmpl-tool-1:add({"a":1}) ToolCalls 5+4"#,
    )
    .await;
    streamed(
        preset,
        r#"
data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}
data: {"object":"error","message":"engine died","type":"InternalServerError","param":null,"code":500}
data: [DONE]
"#,
        "overloaded 200 `500`: engine died",
    )
    .await;
    let error = r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}"#;
    let told = "context-length 400 `400`: This model's maximum context length is 4096 tokens";
    whole(preset, 400, error, told).await;
}

#[tokio::test]
async fn gemini() {
    let preset: Preset = |model, _| model.gemini();
    streamed(
        preset,
        r#"
data: {"choices":[{"delta":{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":"sig"}},"function":{"arguments":"{\"a\":1}","name":"add"},"id":"function-call-1","type":"function"},{"function":{"arguments":"{}","name":"now"},"id":"","type":"function"}]},"finish_reason":"stop","index":0}],"created":1732600000,"id":"x","model":"gemini-2.5-flash","object":"chat.completion.chunk","usage":{"completion_tokens":8,"prompt_tokens":20,"total_tokens":60}}
data: [DONE]
"#,
        r#"function-call-1:add({"a":1}) call_065cea69cb5f097b_1:now({}) thought "" {"extra_content":{"function-call-1":{"google":{"thought_signature":"sig"}}}} ToolCalls 20+8"#,
    )
    .await;
    let error = r#"[{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26.4s"}]}}]"#;
    let told = "rate-limited 429 `429` after 26.4s: You exceeded your current quota";
    whole(preset, 429, error, told).await;
}

#[tokio::test]
async fn azure() {
    let preset: Preset = |model, url| model.azure(url, "mine", "2025-01-01");
    streamed(
        preset,
        r#"
data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}
data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1,"id":"chatcmpl-1","model":"gpt-4o","object":"chat.completion.chunk","system_fingerprint":"fp"}
data: {"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Hello"},"finish_reason":null,"index":0,"logprobs":null}],"created":1,"id":"chatcmpl-1","model":"gpt-4o"}
data: {"choices":[{"content_filter_offsets":{"check_offset":44},"content_filter_results":{},"finish_reason":null,"index":0}],"created":1,"id":""}
data: {"choices":[{"content_filter_results":{"violence":{"filtered":true,"severity":"high"}},"delta":{},"finish_reason":"content_filter","index":0}],"created":1,"id":"chatcmpl-1"}
data: [DONE]
"#,
        r#""Hello" ContentFilter"#,
    )
    .await;
    let error = r#"{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}"#;
    let told = "content-filter 400 `content_filter`: The response was filtered";
    whole(preset, 400, error, told).await;
    let error = r#"{"statusCode":401,"message":"Unauthorized. Access token is missing."}"#;
    let told = "auth 401: Unauthorized. Access token is missing";
    whole(preset, 401, error, told).await;
}

#[tokio::test]
async fn open_router() {
    let preset: Preset = |model, _| model.open_router();
    streamed(
        preset,
        r#"
: OPENROUTER PROCESSING
data: {"id":"gen-1","provider":"X","model":"a/b","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","format":"unknown","index":0}]},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}
: OPENROUTER PROCESSING
data: {"id":"gen-1","provider":"X","model":"a/b","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":"stop","native_finish_reason":"end_turn","logprobs":null}]}
data: {"id":"gen-1","provider":"X","model":"a/b","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,"cost":0.0001}}
data: [DONE]
"#,
        r#"thought "Hm." "Hello" thought "" {"reasoning_details":[{"format":"unknown","index":0,"text":"Hm.","type":"reasoning.text"}]} Stop 2+3"#,
    )
    .await;
    streamed(
        preset,
        r#"
data: {"id":"gen-1","provider":"X","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}
data: {"id":"gen-1","provider":"X","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}
"#,
        "overloaded 200 `502`: Provider disconnected",
    )
    .await;
    let error = r#"{"error":{"message":"Insufficient credits","code":402},"user_id":"u"}"#;
    whole(preset, 402, error, "quota 402 `402`: Insufficient credits").await;
}

#[tokio::test]
async fn deep_seek() {
    let preset: Preset = |model, _| model.deep_seek();
    streamed(
        preset,
        r#"
: keep-alive
data: {"id":"d1","object":"chat.completion.chunk","created":1,"model":"deepseek-reasoner","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":"Hm"},"logprobs":null,"finish_reason":null}]}
data: {"id":"d1","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"."},"logprobs":null,"finish_reason":null}]}
data: {"id":"d1","choices":[{"index":0,"delta":{"content":"Hello","reasoning_content":null},"logprobs":null,"finish_reason":null}]}
data: {"id":"d1","choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":6,"completion_tokens":9,"total_tokens":15,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":2,"completion_tokens_details":{"reasoning_tokens":5}}}
data: [DONE]
"#,
        r#"thought "Hm." "Hello" Stop 6+9"#,
    )
    .await;
    streamed(
        preset,
        r#"
data: {"id":"d1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
data: {"id":"d1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"insufficient_system_resource"}]}
data: [DONE]
"#,
        "overloaded 200 `insufficient_system_resource`",
    )
    .await;
    let error = r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#;
    let told = "quota 402 `invalid_request_error`: Insufficient Balance";
    whole(preset, 402, error, told).await;
}
