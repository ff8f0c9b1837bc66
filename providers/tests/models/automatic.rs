//! `TestModel`: what it makes of schemas, and in which order it calls tools.

use serde_json::{Value, json};
use superstep_providers::{
    Message, Model, ModelRequest, OutputFormat, TestModel, ToolChoice, ToolSpec,
};

async fn made(schema: Value) -> Value {
    let name = "it".to_owned();
    let request = ModelRequest::from("hi").output(OutputFormat::Schema { name, schema });
    let text = Model::new(TestModel::new()).ask(request).await;
    serde_json::from_str(&text.expect("it answers")).expect("it is JSON")
}

#[tokio::test]
async fn values_fit_their_schemas() {
    let cases = [
        (json!({ "type": "string" }), json!("a")),
        (json!({ "type": "string", "minLength": 3 }), json!("aaa")),
        (json!({ "type": "string", "maxLength": 0 }), json!("")),
        (
            json!({ "type": "string", "format": "date" }),
            json!("2000-01-01"),
        ),
        (json!({ "type": "integer" }), json!(0)),
        (
            json!({ "type": "integer", "minimum": 5, "multipleOf": 4 }),
            json!(8),
        ),
        (json!({ "type": "integer", "maximum": -2 }), json!(-2)),
        (
            json!({ "type": "integer", "exclusiveMinimum": 5 }),
            json!(6),
        ),
        (json!({ "type": "number", "minimum": 0.5 }), json!(0.5)),
        (json!({ "type": "boolean" }), json!(false)),
        (json!({ "type": ["string", "null"] }), json!("a")),
        (json!({ "enum": ["x", "y"] }), json!("x")),
        (json!({ "const": 7 }), json!(7)),
        (
            json!({ "anyOf": [{ "type": "null" }, { "type": "integer" }] }),
            json!(0),
        ),
        (
            json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }),
            json!("a"),
        ),
        (
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2 }),
            json!([0, 0]),
        ),
        (
            json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 0 }),
            json!([]),
        ),
        (
            json!({ "prefixItems": [{ "const": 1 }, { "const": 2 }], "type": "array" }),
            json!([1, 2]),
        ),
        (
            json!({ "allOf": [
                { "type": "object", "properties": { "a": { "const": 1 } } },
                { "type": "object", "properties": { "b": { "const": 2 } } },
            ] }),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            json!({
                "type": "object",
                "properties": { "x": { "$ref": "#/$defs/X" } },
                "$defs": { "X": { "type": "string" } },
            }),
            json!({ "x": "a" }),
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(made(schema.clone()).await, expected, "{schema}");
    }
}

#[tokio::test]
async fn schemas_that_hold_themselves_end() {
    let list = json!({
        "type": "object",
        "properties": { "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } },
        "required": ["next"],
    });
    let deep = json!({ "next": { "next": { "next": { "next": null } } } });
    assert_eq!(made(list).await, deep);
    let tree = json!({
        "type": "object",
        "properties": { "children": { "type": "array", "items": { "$ref": "#" } } },
        "required": ["children"],
    });
    assert!(made(tree).await.to_string().contains("[]"));
    let own = json!({ "$ref": "#" });
    assert_eq!(made(own).await, Value::Null);
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({ "type": "object", "properties": { "x": { "type": "integer" } } }),
    }
}

/// Goes on with the conversation until there are no more calls.
async fn rounds(mut request: ModelRequest) -> (Vec<Vec<String>>, String) {
    let model = Model::new(TestModel::new());
    let mut rounds = Vec::new();
    loop {
        let message = model
            .generate(request.clone())
            .await
            .expect("it answers")
            .message;
        let calls: Vec<_> = message.tool_calls().cloned().collect();
        if calls.is_empty() {
            return (rounds, message.text());
        }
        rounds.push(
            calls
                .iter()
                .map(|call| format!("{}:{}", call.id, call.name))
                .collect(),
        );
        request = request.message(message);
        for call in calls {
            assert_eq!(call.arguments, r#"{"x":0}"#);
            request = request.message(Message::tool(call.result("fine")));
        }
    }
}

#[tokio::test]
async fn each_tool_is_called_once() {
    let request = ModelRequest::from("hi").tool(tool("b")).tool(tool("a"));
    let (calls, text) = rounds(request.clone()).await;
    assert_eq!(calls, [["call-0-0:b", "call-0-1:a"]]);
    assert_eq!(text, r#"{"a":"fine","b":"fine"}"#);
    let (calls, _) = rounds(request.clone().parallel_tool_calls(false)).await;
    assert_eq!(calls, [["call-0-0:b"], ["call-1-0:a"]]);
    let (calls, _) = rounds(request.tool_choice(ToolChoice::None)).await;
    assert!(calls.is_empty());
}
