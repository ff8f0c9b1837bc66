//! Answers as they are and should not be: of servers that are like OpenAI's, and
//! not quite.

use serde_json::{Value, json};

use crate::kit::{Reply, asked, same, streamed};

/// What a message, and the rest of a choice, comes to: as a whole answer, and as
/// the only piece of a stream.
async fn check(name: &str, choice: Value, expected: &str) {
    let whole = json!({ "id": "x", "created": 7, "choices": [choice] });
    same(name, &asked(Reply::json(&whole)).await, expected);
    let mut piece = choice;
    piece["delta"] = piece["message"].take();
    let piece = json!({ "id": "x", "created": 7, "choices": [piece] }).to_string();
    same(
        name,
        &streamed(Reply::events(&[&piece, "[DONE]"])).await,
        expected,
    );
}

#[tokio::test]
async fn why_an_answer_ends_may_be_called_anything() {
    for (reason, expected) in [
        (json!("stop"), r#""x" Stop"#),
        (json!("length"), r#""x" Length"#),
        (json!("content_filter"), r#""x" ContentFilter"#),
        (json!("eos"), r#""x" other "eos""#),
        (json!(""), r#""x" Stop"#),
        (json!(null), r#""x" Stop"#),
    ] {
        let choice = json!({ "message": { "content": "x" }, "finish_reason": reason });
        check("a reason", choice, expected).await;
    }
}

#[tokio::test]
async fn content_may_be_text_parts_thoughts_or_nothing() {
    for (message, expected) in [
        (json!({ "role": "model", "content": "x" }), r#""x" Stop"#),
        (
            json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }),
            r#""ab" Stop"#,
        ),
        (
            json!({ "content": { "type": "text", "text": "a" } }),
            r#""a" Stop"#,
        ),
        (
            json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] }, { "type": "text", "text": "a" }] }),
            r#"thought "hm" "a" Stop"#,
        ),
        (
            json!({ "reasoning_content": "hm", "content": "a" }),
            r#"thought "hm" "a" Stop"#,
        ),
        (
            json!({ "reasoning": "hm", "content": "a" }),
            r#"thought "hm" "a" Stop"#,
        ),
        (
            json!({ "reasoning_content": null, "reasoning": "hm", "content": "a" }),
            r#"thought "hm" "a" Stop"#,
        ),
        (
            json!({ "content": null, "refusal": "no" }),
            r#"refused "no" Stop"#,
        ),
        (
            json!({ "content": null, "audio": { "id": "a1", "transcript": "aloud" } }),
            r#""aloud" Stop"#,
        ),
        (json!({ "content": null }), "Stop"),
        (json!({}), "Stop"),
    ] {
        check("a message", json!({ "message": message }), expected).await;
    }
}

#[tokio::test]
async fn calls_of_tools_may_lack_what_they_have() {
    for (calls, expected) in [
        // As it should be.
        (
            json!([{ "index": 0, "id": "c1", "type": "function", "function": { "name": "add", "arguments": "{\"a\":1}" } }]),
            r#"c1:add({"a":1}) ToolCalls"#,
        ),
        // Neither index nor type.
        (
            json!([{ "id": "c1", "function": { "name": "add", "arguments": "{}" } }, { "id": "c2", "function": { "name": "sub", "arguments": "{}" } }]),
            "c1:add({}) c2:sub({}) ToolCalls",
        ),
        // No ids.
        (
            json!([{ "function": { "name": "add", "arguments": "{}" } }, { "function": { "name": "add", "arguments": "{}" } }]),
            "call_becff7197f2de7bd_0:add({}) call_becff7197f2de7bd_1:add({}) ToolCalls",
        ),
        (
            json!([{ "id": "", "function": { "name": "add", "arguments": "{}" } }]),
            "call_becff7197f2de7bd_0:add({}) ToolCalls",
        ),
        // The same index for all.
        (
            json!([{ "index": 0, "id": "c1", "function": { "name": "add", "arguments": "{}" } }, { "index": 0, "id": "c2", "function": { "name": "sub", "arguments": "{}" } }]),
            "c1:add({}) c2:sub({}) ToolCalls",
        ),
        // The same id for all, and the same index.
        (
            json!([{ "id": "c1", "function": { "name": "add", "arguments": "{}" } }, { "id": "c1", "function": { "name": "sub", "arguments": "{}" } }]),
            "c1:add({}) call_becff7197f2de7bd_1:sub({}) ToolCalls",
        ),
        (
            json!([{ "index": 0, "function": { "name": "add", "arguments": "{}" } }, { "index": 0, "function": { "name": "add", "arguments": "{}" } }]),
            "call_becff7197f2de7bd_0:add({}) call_becff7197f2de7bd_1:add({}) ToolCalls",
        ),
        // Arguments that are an object, or missing.
        (
            json!([{ "id": "c1", "function": { "name": "add", "arguments": { "a": 1 } } }]),
            r#"c1:add({"a":1}) ToolCalls"#,
        ),
        (
            json!([{ "id": "c1", "function": { "name": "now", "arguments": null } }]),
            "c1:now() ToolCalls",
        ),
        // An id that is a number, and no `function` around.
        (
            json!([{ "id": 7, "name": "add", "arguments": "{}" }]),
            "7:add({}) ToolCalls",
        ),
    ] {
        let choice =
            json!({ "message": { "content": null, "tool_calls": calls }, "finish_reason": "stop" });
        check("calls", choice, expected).await;
    }
    let legacy = json!({ "message": { "function_call": { "name": "add", "arguments": "{}" } }, "finish_reason": "function_call" });
    check(
        "one call, as of old",
        legacy,
        "call_becff7197f2de7bd_0:add({}) ToolCalls",
    )
    .await;
}

#[tokio::test]
async fn ids_that_are_missing_are_those_of_no_other_answer() {
    let calls = json!([{ "function": { "name": "look", "arguments": "{}" } }]);
    let choices = |arguments: &str| {
        let mut calls = calls.clone();
        calls[0]["function"]["arguments"] = arguments.into();
        json!([{ "message": { "tool_calls": calls }, "finish_reason": "tool_calls" }])
    };
    let mut told = Vec::new();
    for answer in [
        json!({ "id": "a", "created": 1, "choices": choices("{}") }),
        json!({ "id": "b", "created": 1, "choices": choices("{}") }),
        json!({ "id": "a", "created": 2, "choices": choices("{}") }),
        json!({ "choices": choices("{}") }),
        json!({ "choices": choices(r#"{"a":1}"#) }),
    ] {
        let once = asked(Reply::json(&answer)).await;
        same("the same answer", &asked(Reply::json(&answer)).await, &once);
        told.push(once.split(':').next().unwrap_or_default().to_owned());
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 5, "{told:?}");
}

#[tokio::test]
async fn pieces_of_calls_find_their_calls() {
    let piece = |calls: Value| json!({ "choices": [{ "delta": { "tool_calls": calls } }] });
    let begins = |index: Value, id: &str| json!({ "index": index, "id": id, "function": { "name": "f", "arguments": "" } });
    let goes_on = |index: Value, id: Value, more: &str| json!({ "index": index, "id": id, "function": { "arguments": more } });
    let none = Value::Null;
    for (name, stream, expected) in [
        (
            "by index",
            vec![
                begins(json!(0), "a"),
                begins(json!(1), "b"),
                goes_on(json!(1), none.clone(), "2"),
                goes_on(json!(0), none.clone(), "1"),
                goes_on(json!(0), none.clone(), "1"),
            ],
            "a:f(11) b:f(2) ToolCalls",
        ),
        (
            "by id",
            vec![
                begins(none.clone(), "a"),
                begins(none.clone(), "b"),
                goes_on(none.clone(), json!("b"), "2"),
                goes_on(none.clone(), json!("a"), "1"),
            ],
            "a:f(1) b:f(2) ToolCalls",
        ),
        (
            "by order",
            vec![
                begins(none.clone(), "a"),
                goes_on(none.clone(), none.clone(), "1"),
                begins(none.clone(), "b"),
                goes_on(none.clone(), none.clone(), "2"),
            ],
            "a:f(1) b:f(2) ToolCalls",
        ),
        (
            "indexes that begin at 1 and leave some out",
            vec![
                begins(json!(1), "a"),
                begins(json!(5), "b"),
                goes_on(json!(5), none.clone(), "2"),
                goes_on(json!(1), none.clone(), "1"),
            ],
            "a:f(1) b:f(2) ToolCalls",
        ),
        (
            "the same id with each piece",
            vec![
                begins(json!(0), "a"),
                goes_on(json!(0), json!("a"), "1"),
                goes_on(json!(0), json!("a"), "1"),
            ],
            "a:f(11) ToolCalls",
        ),
        (
            "an empty id with each piece",
            vec![begins(json!(0), "a"), goes_on(json!(0), json!(""), "1")],
            "a:f(1) ToolCalls",
        ),
    ] {
        let stream: Vec<String> = stream
            .into_iter()
            .map(|call| piece(json!([call])).to_string())
            .collect();
        let mut stream: Vec<&str> = stream.iter().map(String::as_str).collect();
        stream.push(r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#);
        stream.push("[DONE]");
        same(name, &streamed(Reply::events(&stream)).await, expected);
    }
}

#[tokio::test]
async fn the_rest_of_an_answer_may_be_of_any_type() {
    let choice = json!([{ "message": { "content": "x" }, "finish_reason": "stop" }]);
    for (answer, expected) in [
        (
            json!({ "id": 7, "created": 1.5, "model": null, "service_tier": "standard", "choices": choice }),
            r#""x" Stop"#,
        ),
        (json!({ "choices": choice, "usage": null }), r#""x" Stop"#),
        (
            json!({ "choices": choice, "usage": { "prompt_tokens": null, "completion_tokens": null } }),
            r#""x" Stop"#,
        ),
        (
            json!({ "choices": choice, "usage": { "prompt_tokens": 3.0, "completion_tokens": "2" } }),
            r#""x" Stop 3+2"#,
        ),
        (json!({ "choices": choice, "error": null }), r#""x" Stop"#),
        (
            json!({ "choices": [{ "index": 1, "message": { "content": "y" } }, { "index": 0, "message": { "content": "x" } }] }),
            r#""x" Stop"#,
        ),
    ] {
        same("an answer", &asked(Reply::json(&answer)).await, expected);
    }
}

#[tokio::test]
async fn what_holds_no_answer_is_none() {
    for (body, expected) in [
        (r#"{"choices":[]}"#, "decode 200 of r1: it holds no answer"),
        ("{}", "decode 200 of r1: it holds no answer"),
        ("[]", "decode 200 of r1"),
        ("", "decode 200 of r1"),
        ("<html>Welcome</html>", "decode 200 of r1"),
        (
            r#"{"choices":[{"message":{"content":"x"#,
            "decode 200 of r1",
        ),
    ] {
        let reply = Reply::json(body).header("x-request-id", "r1");
        same(body, &asked(reply).await, expected);
    }
}

#[tokio::test]
async fn an_error_that_is_empty_is_none_beside_an_answer() {
    for error in [json!(null), json!({}), json!(""), json!(false), json!([])] {
        let choice = json!({ "message": { "content": "x" }, "error": error });
        check("of a choice", choice.clone(), r#""x" Stop"#).await;
        let whole = json!({ "choices": [choice], "error": error });
        same(
            "of it all",
            &asked(Reply::json(&whole)).await,
            r#""x" Stop"#,
        );
    }
    let alone = asked(Reply::json(json!({ "error": {} }))).await;
    same("alone", &alone, "overloaded 200");
}
