//! Answers of a type: how each model is asked, and what is made of what it says.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use superstep_providers::{
    Capabilities, Extract, ExtractBy, Message, ModelErrorKind, ModelRequest, OutputFormat, Reply,
    Role, ScriptedModel, TestModel, TokenUsage, ToolChoice,
};

/// A person in a text.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Person {
    name: String,
    /// In years.
    age: Option<u32>,
    #[serde(default)]
    friends: Vec<Self>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

fn ann() -> Person {
    Person {
        name: "Ann".to_owned(),
        age: None,
        friends: Vec::new(),
    }
}

const ANN: &str = r#"{"name":"Ann","age":null,"friends":[]}"#;

fn can(schema: bool, tools: bool, json: bool) -> Capabilities {
    let mut can = Capabilities::text();
    (can.schema, can.tools, can.json) = (schema, tools, json);
    can
}

async fn asked(can: Capabilities, reply: impl Into<Reply>, request: ModelRequest) -> ModelRequest {
    let scripted = ScriptedModel::new().capabilities(can).otherwise(reply);
    let person: Person = scripted.model().extract(request).await.expect("it fits");
    assert_eq!(person, ann());
    let mut calls = scripted.calls();
    assert_eq!(calls.len(), 1);
    calls.remove(0).request
}

#[tokio::test]
async fn the_best_way_that_the_model_can_is_taken() {
    let all = asked(can(true, true, true), ANN, "Who?".into()).await;
    assert!(matches!(all.output, OutputFormat::Schema { ref name, .. } if name == "Person"));
    assert!(all.tools.is_empty());

    let arguments: Value = serde_json::from_str(ANN).expect("it is JSON");
    let tools = asked(
        can(false, true, true),
        Reply::call("Person", arguments),
        "Who?".into(),
    )
    .await;
    assert_eq!(tools.tool_choice, ToolChoice::Named("Person".to_owned()));
    assert_eq!(tools.parallel_tool_calls, None);
    assert_eq!(tools.tools[0].name, "Person");
    assert_eq!(tools.output, OutputFormat::Text);

    let request = ModelRequest::from("Who?").system("Be brief.");
    let json = asked(can(false, false, true), ANN, request.clone()).await;
    assert_eq!(json.output, OutputFormat::Json);
    assert_eq!(json.messages[0].text(), "Be brief.");
    assert_eq!(json.messages[1].role, Role::System);
    assert!(json.messages[1].text().contains(r#""In years.""#));

    let prompt = asked(can(false, false, false), ANN, request).await;
    assert_eq!(prompt.output, OutputFormat::Text);
    assert!(prompt.messages[1].text().contains(r#""In years.""#));
}

async fn strict<T: JsonSchema + DeserializeOwned>(expected: Expect) {
    let scripted = ScriptedModel::new().otherwise("nothing");
    let how = Extract::new().attempts(1).by(ExtractBy::Schema);
    let answer = scripted.model().extract_with::<T>("?", how).await;
    let text = match scripted.calls().first().map(|call| &call.request.output) {
        Some(OutputFormat::Schema { schema, .. }) => {
            serde_json::to_string_pretty(schema).expect("it is JSON")
        }
        _ => answer
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default(),
    };
    expected.assert_eq(&text);
}

#[tokio::test]
async fn strict_schemas_require_everything_and_keep_references() {
    strict::<Person>(expect![[r##"
        {
          "additionalProperties": false,
          "description": "A person in a text.",
          "properties": {
            "age": {
              "description": "In years.",
              "minimum": 0,
              "type": [
                "integer",
                "null"
              ]
            },
            "friends": {
              "anyOf": [
                {
                  "items": {
                    "$ref": "#"
                  },
                  "type": "array"
                },
                {
                  "type": "null"
                }
              ]
            },
            "name": {
              "type": "string"
            }
          },
          "required": [
            "age",
            "friends",
            "name"
          ],
          "type": "object"
        }"##]])
    .await;
}

#[tokio::test]
async fn what_is_no_object_is_put_into_one() {
    strict::<Shape>(expect![[r#"
        {
          "additionalProperties": false,
          "properties": {
            "value": {
              "anyOf": [
                {
                  "additionalProperties": false,
                  "properties": {
                    "kind": {
                      "const": "Circle",
                      "type": "string"
                    },
                    "radius": {
                      "type": "number"
                    }
                  },
                  "required": [
                    "kind",
                    "radius"
                  ],
                  "type": "object"
                },
                {
                  "additionalProperties": false,
                  "properties": {
                    "kind": {
                      "const": "Square",
                      "type": "string"
                    },
                    "side": {
                      "type": "number"
                    }
                  },
                  "required": [
                    "kind",
                    "side"
                  ],
                  "type": "object"
                }
              ]
            }
          },
          "required": [
            "value"
          ],
          "type": "object"
        }"#]])
    .await;
}

#[tokio::test]
async fn maps_cannot_be_said_strictly() {
    strict::<BTreeMap<String, u32>>(expect!["`scripted`: the model cannot do what was asked for: `Map_of_uint32` holds what a strict schema cannot say, such as a map"]).await;
    let mut can = Capabilities::all();
    let arguments = serde_json::json!({ "a": 1 });
    let name = "Map_of_uint32";
    let scripted = ScriptedModel::new()
        .capabilities(can)
        .otherwise(Reply::call(name, arguments));
    let map: BTreeMap<String, u32> = scripted.model().extract("?").await.expect("by a tool");
    assert_eq!(map["a"], 1);
    can.tools = false;
    let scripted = ScriptedModel::new()
        .capabilities(can)
        .otherwise(r#"{"a":1}"#);
    let map: BTreeMap<String, u32> = scripted.model().extract("?").await.expect("as JSON");
    assert_eq!(map["a"], 1);
}

#[tokio::test]
async fn a_model_that_keeps_to_schemas_fits_all_ways() {
    let ways = [
        ExtractBy::Schema,
        ExtractBy::Tool,
        ExtractBy::Json,
        ExtractBy::Prompt,
    ];
    for by in ways {
        let model = superstep_providers::Model::new(TestModel::new());
        let how = || Extract::new().attempts(1).by(by);
        let person: Person = model.extract_with("?", how()).await.expect("it fits");
        assert_eq!(person.name, "a");
        let shape: Shape = model.extract_with("?", how()).await.expect("it fits");
        assert_eq!(shape, Shape::Circle { radius: 0.0 });
        let list: Vec<Option<String>> = model.extract_with("?", how()).await.expect("it fits");
        assert_eq!(list, [Some("a".to_owned())]);
        let number: i64 = model.extract_with("?", how()).await.expect("it fits");
        assert_eq!(number, 0);
    }
}

async fn read(text: &str) -> Result<Person, ModelErrorKind> {
    let scripted = ScriptedModel::new().otherwise(text);
    let how = Extract::new().attempts(1);
    let answer = scripted.model().extract_with("?", how).await;
    answer.map_err(|error| error.kind)
}

#[tokio::test]
async fn json_is_found_between_words() {
    let texts = [
        ANN.to_owned(),
        format!("```json\n{ANN}\n```"),
        format!("Sure! As in [1] and {{see}} below:\n\n```\n{ANN}\n```\nAnything else?"),
        format!("{{\"thought\": \"hm\"}} {ANN}"),
        r#"{"name": "Ann"}"#.to_owned(),
        r#"{"name": "Ann", "friends": null}"#.to_owned(),
        r#"{"value": {"name": "Ann"}, "name": "Ann"}"#.to_owned(),
    ];
    for text in texts {
        assert_eq!(read(&text).await, Ok(ann()), "{text}");
    }
}

#[tokio::test]
async fn what_a_model_thinks_first_is_no_answer() {
    let thought = r#"<think>Maybe {"name": "Bob"}, or {"name": </think>"#;
    for answer in [ANN.to_owned(), format!("\n```json\n{ANN}\n```")] {
        assert_eq!(read(&format!("\n{thought}{answer}")).await, Ok(ann()));
    }
    assert_eq!(read(thought).await, Err(ModelErrorKind::Decode));
    let tags = Message::assistant(r#"{"name": "<think>Ann</think>"}"#);
    let tags = tags.json::<Person>().expect("it is whole");
    assert_eq!(tags.name, "<think>Ann</think>");
}

#[tokio::test]
async fn what_is_not_whole_is_never_taken() {
    let texts = [
        r#"{"name": "Ann", "friends": [{"name": "Bob"}"#,
        r#"Here it is: {"name": "Ann", "age""#,
        r#"```json {"name": "Ann", "friends": [{"name": "Ann", "friends": []}, {"na"#,
    ];
    for text in texts {
        assert_eq!(read(text).await, Err(ModelErrorKind::Truncated), "{text}");
    }
    assert_eq!(read("Ann").await, Err(ModelErrorKind::Decode));
    assert_eq!(read("").await, Err(ModelErrorKind::Decode));
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_again() {
    let scripted = ScriptedModel::new().otherwise([r#"{"age":1}"#, "I am sorry.", ANN]);
    let model = scripted.model();
    let answer = model.extract_full::<Person>("Who?", Extract::new()).await;
    let extracted = answer.expect("the third fits");
    assert_eq!((extracted.value, extracted.attempts), (ann(), 3));
    let used: TokenUsage = scripted.calls().iter().map(|_| TokenUsage::default()).sum();
    assert!(extracted.usage.total() > used.total());
    let last = scripted.calls().pop().expect("three calls").request;
    let said: Vec<String> = last.messages.iter().map(Message::to_string).collect();
    expect![[r#"
        user: Who?
        assistant: {"age":1}
        user: That does not fit: missing field `name`. Answer again, in full, and in the shape that was asked for.
        assistant: I am sorry.
        user: That does not fit: there is no JSON in it. Answer again, in full, and in the shape that was asked for."#]].assert_eq(&said.join("\n"));
}

#[test]
fn json_that_is_broken_is_told_what_is_wrong_with_it() {
    fn check(said: &str, expected: &str) {
        let error = Message::assistant(said).json::<Person>().expect_err(said);
        assert_eq!(error.kind, ModelErrorKind::Decode, "{said}");
        let told = error.message.unwrap_or_default();
        let told = told.strip_prefix("it is no `Person`: ");
        assert_eq!(told, Some(expected), "{said}");
    }
    let broken = |said: &str, why: &str| check(said, &format!("its JSON is broken: {why}"));
    broken(
        r#"{"name": "x", "age": 4,}"#,
        "trailing comma at line 1 column 24",
    );
    broken("{'name': 'x'}", "key must be a string at line 1 column 2");
    broken(r#"{name: "x"}"#, "key must be a string at line 1 column 2");
    broken(r#"{"name": None}"#, "expected value at line 1 column 10");
    let comma = "As in {it}:\n```json\n{\n  \"name\": \"x\"\n  \"age\": 4\n}\n```";
    broken(comma, "expected `,` or `}` at line 5 column 3");
    let comment = "It is: {\"name\": \"x\", // her name\n\"age\": 4}";
    broken(comment, "key must be a string at line 1 column 22");
    // What is whole inside of it is not what was meant.
    let inside = r#"{"friends": [{"age": 4}], "name": x}"#;
    broken(inside, "expected value at line 1 column 35");
    // A bracket in a text begins nothing that could end in the middle.
    broken(r#"{"name": "[", }"#, "trailing comma at line 1 column 15");
    check(r#"{"age": 4} and {so on}"#, "missing field `name`");
    check("I think (it is) Ann.", "there is no JSON in it");
}

#[tokio::test]
async fn json_that_is_broken_is_asked_for_again() {
    let scripted = ScriptedModel::new()
        .on("trailing comma at line 1 column 16", ANN)
        .otherwise(r#"{"name": "Ann",}"#);
    let read = scripted.model().extract::<Person>("Who?").await;
    assert_eq!(read.expect("the second fits"), ann());
}

#[tokio::test]
async fn a_call_that_does_not_fit_has_a_result() {
    let scripted = ScriptedModel::new()
        .capabilities(can(false, true, false))
        .otherwise([
            Reply::call("Person", serde_json::json!({ "age": -1 })),
            Reply::call("Person", serde_json::json!({ "name": "Ann" })),
        ]);
    let person: Person = scripted
        .model()
        .extract("Who?")
        .await
        .expect("the second fits");
    assert_eq!(person, ann());
    let last = scripted.calls().pop().expect("two calls").request;
    assert_eq!(last.messages[2].role, Role::Tool);
    let said = last.messages[2].to_string();
    assert!(
        said.starts_with("tool: Person -> That does not fit: invalid value"),
        "{said}"
    );
}

#[tokio::test]
async fn it_is_asked_so_often_and_no_more() {
    for attempts in [1_u32, 3] {
        let scripted = ScriptedModel::new().otherwise(r#"{"age":1}"#);
        let how = Extract::new().attempts(attempts);
        let answer = scripted.model().extract_with::<Person>("Who?", how).await;
        let error = answer.expect_err("it never fits");
        assert_eq!(scripted.calls().len(), attempts as usize);
        assert_eq!(error.kind, ModelErrorKind::Decode);
        let message =
            format!("after {attempts} attempt(s) it is still no `Person`: missing field `name`");
        assert_eq!(error.message, Some(message));
        assert_eq!(error.body.as_deref(), Some(r#"{"age":1}"#));
    }
}

#[tokio::test]
async fn refusals_and_cuts_are_not_asked_again() {
    let cases = [
        (Reply::refusal("No."), ModelErrorKind::Refused),
        (Reply::text(ANN).cut_after(2), ModelErrorKind::Truncated),
        (Reply::text(&ANN[..20]), ModelErrorKind::Truncated),
        (
            Reply::overloaded(),
            ModelErrorKind::Overloaded { retry_after: None },
        ),
    ];
    for (reply, kind) in cases {
        let scripted = ScriptedModel::new().otherwise(reply);
        let answer = scripted.model().extract::<Person>("Who?").await;
        assert_eq!(answer.expect_err("it fails").kind, kind);
        assert_eq!(scripted.calls().len(), 1);
    }
}

#[tokio::test]
async fn tools_of_the_conversation_are_not_called() {
    let spec = superstep_providers::ToolSpec {
        name: "add".to_owned(),
        description: String::new(),
        parameters: serde_json::json!({}),
    };
    let request = ModelRequest::from("Who?").tool(spec);
    let request = asked(Capabilities::all(), ANN, request).await;
    assert_eq!(request.tool_choice, ToolChoice::None);
}

/// What somebody thinks of a book.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Opinion {
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
    #[schemars(length(max = 2))]
    #[serde(default)]
    tags: Vec<String>,
    note: Option<Note>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Note {
    Short {
        #[schemars(length(min = 1, max = 3))]
        text: String,
    },
    Long {
        #[schemars(length(min = 5))]
        text: String,
    },
}

async fn out_of_bounds(answer: &str, expected: &str) {
    let ways = [
        ExtractBy::Schema,
        ExtractBy::Tool,
        ExtractBy::Json,
        ExtractBy::Prompt,
    ];
    for way in ways {
        let scripted = ScriptedModel::new().otherwise(answer);
        let how = Extract::new().attempts(2).by(way);
        let read = scripted.model().extract_with::<Opinion>("?", how).await;
        let told = read
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        let told = told
            .rsplit_once("`Opinion`: ")
            .map_or(&*told, |(_, why)| why);
        assert_eq!(told, expected, "{way:?}");
        let asked = if expected.is_empty() { 1 } else { 2 };
        assert_eq!(scripted.calls().len(), asked, "{way:?}");
    }
}

#[tokio::test]
async fn what_is_out_of_the_bounds_of_the_schema_is_asked_for_again() {
    let check = out_of_bounds;
    check(r#"{"stars": 9}"#, "`stars`: 9 is more than 5").await;
    check(r#"{"stars": 0}"#, "`stars`: 0 is less than 1").await;
    let tags = r#"{"stars": 5, "tags": ["a", "b", "c"]}"#;
    check(tags, "`tags`: 3 item(s), where at most 2 are wanted").await;
    let long = r#"{"stars": 5, "note": {"kind": "Short", "text": "äöüß"}}"#;
    let told = "`note.text`: 4 character(s), where at most 3 are wanted";
    check(long, told).await;
    let short = r#"{"stars": 5, "note": {"kind": "Long", "text": "brief"}}"#;
    check(short, "").await;
    check(r#"{"stars": 1, "note": null}"#, "").await;
}

#[tokio::test]
async fn bounds_hold_for_what_is_put_into_an_object() {
    let scripted = ScriptedModel::new().otherwise(r#"{"value": [{"stars": 1}, {"stars": 9}]}"#);
    let how = Extract::new().attempts(1);
    let read = scripted
        .model()
        .extract_with::<Vec<Opinion>>("?", how)
        .await;
    let told = read.expect_err("it is out of bounds").to_string();
    assert!(
        told.ends_with("`value[1].stars`: 9 is more than 5"),
        "{told}"
    );
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Rating {
    #[schemars(range(min = 1, max = 5))]
    stars: u8,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Review {
    rating: Rating,
    #[serde(default)]
    other: Option<Rating>,
    #[serde(default)]
    noted: Vec<Note>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Pair(u8, Rating);

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Only(Rating);

#[test]
fn a_list_is_no_struct() {
    let said = "As review [4] shows, the soup was cold.\n{\"stars\": 2}";
    let said = Message::assistant(said);
    assert_eq!(said.json::<Rating>().ok(), Some(Rating { stars: 2 }));
    assert_eq!(said.extract::<Rating>().ok(), Some(Rating { stars: 2 }));

    fn check<T: DeserializeOwned + JsonSchema>(said: &str, expected: &str) {
        let error = Message::assistant(said).extract::<T>().err();
        let told = error.and_then(|error| error.message).unwrap_or_default();
        assert!(
            told.ends_with(expected) && !told.is_empty(),
            "{said}: {told}"
        );
    }
    check::<Rating>(
        "[7]",
        "it is no `Rating`: a list, where an object is wanted",
    );
    check::<Only>("[3]", "`value`: a list, where an object is wanted");
    check::<Opinion>("[3]", "`Opinion`: a list, where an object is wanted");
    check::<Review>(
        r#"{"rating": [3]}"#,
        "`rating`: a list, where an object is wanted",
    );
    let other = r#"{"rating": {"stars": 3}, "other": [3]}"#;
    check::<Review>(other, "`other`: a list, where an object is wanted");
    let noted = r#"{"rating": {"stars": 3}, "noted": [["Short", "abc"]]}"#;
    check::<Review>(noted, "`noted[0]`: a list, where an object is wanted");
    check::<Vec<Rating>>("[[3]]", "`value[0]`: a list, where an object is wanted");
    check::<Option<Rating>>("[3]", "`value`: a list, where an object is wanted");
    check::<Pair>("[1, [3]]", "`value[1]`: a list, where an object is wanted");
    for said in ["[7]", "[]"].map(Message::assistant) {
        assert!(said.json::<Rating>().is_err());
        assert!(said.json::<Option<Only>>().is_err());
    }
}

#[test]
fn a_list_is_a_tuple() {
    let said = Message::assistant(r#"See: [1, {"stars": 3}]"#);
    let (pair, tuple) = (Pair(1, Rating { stars: 3 }), (1, Rating { stars: 3 }));
    assert_eq!(said.extract::<Pair>().ok(), Some(pair));
    assert_eq!(said.extract::<(u8, Rating)>().ok(), Some(tuple));
    assert!(said.json::<Pair>().is_ok());
    assert!(said.json::<Value>().is_ok());
}

/// What a type is called where an answer is none.
fn called<T: DeserializeOwned>() -> String {
    let error = Message::assistant("no").json::<T>().err();
    let told = error.and_then(|error| error.message).unwrap_or_default();
    let (_, name) = told.split_once('`').expect("it is in backticks");
    name.split_once('`').expect("it ends").0.to_owned()
}

trait Called {
    fn called() -> String;
}

impl<T> Called for Vec<T> {
    fn called() -> String {
        #[derive(Deserialize)]
        struct Inside;
        called::<Inside>()
    }
}

#[test]
fn a_type_is_called_by_its_name_wherever_it_is() {
    assert_eq!(called::<u8>(), "u8");
    assert_eq!(called::<Person>(), "Person");
    assert_eq!(called::<(u8, String)>(), "(u8, String)");
    assert_eq!(called::<[Option<Shape>; 2]>(), "[Option<Shape>; 2]");
    type Map = BTreeMap<String, (Vec<Person>, Box<str>)>;
    assert_eq!(called::<Map>(), "BTreeMap<String, (Vec<Person>, Box<str>)>");
    let in_closure = || {
        #[derive(Deserialize)]
        struct Kind;
        called::<Vec<Kind>>()
    };
    assert_eq!(in_closure(), "Vec<Kind>");
    assert_eq!(<Vec<String>>::called(), "Inside");
}
