//! What `#[tool]` makes of a function, and what is a tool without it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::{NodeError, Tool, ToolCtx, ToolError, ToolSpec, Toolbox, tool};

use crate::common::{Chat, ChatUpdate, asks, call, graph, of, results, shown};

struct Words {
    known: Vec<&'static str>,
}

#[derive(Serialize, Debug, PartialEq)]
struct Entry {
    word: String,
    letters: usize,
}

#[derive(Debug)]
struct LookUpError(String);

impl std::fmt::Display for LookUpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is in no dictionary", self.0)
    }
}

impl std::error::Error for LookUpError {}

/// Looks a word up.
///
/// Only English.
///
/// * `limit` - the most letters
#[tool]
async fn look_up(
    /// The word.
    word: String,
    limit: Option<usize>,
    ctx: ToolCtx<Words>,
) -> Result<Entry, LookUpError> {
    if !ctx.known.contains(&&*word) {
        return Err(LookUpError(word));
    }
    let letters = word.len().min(limit.unwrap_or(usize::MAX));
    Ok(Entry { word, letters })
}

/// Says in which language the conversation is.
#[tool(name = "language-of", timeout = "2s")]
async fn language(_: ToolCtx<Words>, chat: View<Chat>) -> String {
    chat.language.clone()
}

fn spec_of<C: Send + Sync + 'static, S: Send + Sync + 'static>(tool: &Tool<C, S>) -> &ToolSpec {
    tool.spec()
}

#[test]
fn a_model_is_told_what_the_function_says() {
    let tool: Tool<Words> = tool(look_up);
    let spec = spec_of(&tool);
    assert_eq!(spec.name, "look_up");
    assert_eq!(spec.description, "Looks a word up.\n\nOnly English.");
    let parameters = json!({
        "type": "object",
        "properties": {
            "word": { "type": "string", "description": "The word." },
            "limit": {
                "type": ["integer", "null"],
                "format": "uint",
                "minimum": 0,
                "description": "the most letters",
            },
        },
        "required": ["word"],
        "additionalProperties": false,
    });
    assert_eq!(spec.parameters, parameters);
}

#[test]
fn a_name_of_its_own_replaces_the_functions() {
    let tool: Tool<Words, Chat> = tool(language);
    assert_eq!(tool.spec().name, "language-of");
    assert!(format!("{tool:?}").contains("timeout: Some(2s)"));
    let tool = tool.named("tongue").description("What is spoken.");
    assert_eq!(tool.spec().name, "tongue");
    assert_eq!(tool.spec().description, "What is spoken.");
    let nothing = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(tool.spec().parameters, nothing);
}

/// The function can be called and handed on as before.
#[tokio::test]
async fn the_function_stays_what_it_was() {
    let ctx = || ToolCtx::new(Words { known: vec!["ink"] });
    let entry = look_up("ink".into(), None, ctx()).await.unwrap();
    assert_eq!((&*entry.word, entry.letters), ("ink", 3));
    let call: fn(_, _, _) -> _ = look_up;
    let error = call("pen".into(), None, ctx()).await.unwrap_err();
    assert_eq!(error.0, "pen");
    let look_up = "a variable of the same name";
    assert_eq!(look_up.len(), 27);
}

#[tokio::test]
async fn tools_get_arguments_context_and_state() {
    let toolbox = Toolbox::new().add(look_up).add(language);
    let input = asks([
        ("1", "look_up", r#"{"word": "ink", "limit": 2}"#),
        ("2", "look_up", r#"{"word": "pen"}"#),
        ("3", "language-of", ""),
        ("4", "look_up", r#"{"word": "ink", "limit": null}"#),
    ]);
    let words = Words { known: vec!["ink"] };
    let run = graph(toolbox)
        .invoke(input.language("en"))
        .context(words)
        .await
        .unwrap();
    let expected = [
        r#"1: {"word":"ink","letters":2}"#,
        "2! `pen` is in no dictionary",
        "3: en",
        r#"4: {"word":"ink","letters":3}"#,
    ];
    assert_eq!(results(&run.state), expected);
}

/// One with nothing in it.
#[tool]
async fn nothing() {}

/// Numbers are JSON.
#[tool]
async fn number() -> f64 {
    0.5
}

/// A missing value is not nothing.
#[tool]
async fn missing() -> Option<u8> {
    None
}

type Answer = Result<String, String>;

/// Neither name of the type says that it is a result.
#[tool]
async fn hidden(fail: bool) -> Answer {
    if fail {
        Err("no".into())
    } else {
        Ok("yes".into())
    }
}

/// Its argument has the name of the function.
#[tool]
async fn word(mut word: String, #[serde(default)] times: u8) -> String {
    for _ in 0..times {
        word += "!";
    }
    word
}

/// Its argument's name is a keyword.
#[tool]
async fn r#type(r#type: Vec<u8>) -> usize {
    r#type.len()
}

#[tokio::test]
async fn what_is_returned_is_told_as_text() {
    let toolbox = Toolbox::<()>::new();
    let toolbox = toolbox.add(nothing).add(number).add(missing).add(hidden);
    let toolbox = toolbox.add(word).add(r#type).check().unwrap();
    let calls = [
        call("1", "nothing", "{}"),
        call("2", "number", ""),
        call("3", "missing", "  "),
        call("4", "hidden", r#"{"fail": false}"#),
        call("5", "hidden", r#"{"fail": true}"#),
        call("6", "word", r#"{"word": "a", "times": 2}"#),
        call("7", "word", r#"{"word": "a"}"#),
        call("8", "type", r#"{"type": [1, 2]}"#),
    ];
    let told = toolbox
        .run(&calls, &View::new(()), &Ctx::new(()))
        .await
        .unwrap();
    let told: Vec<_> = told.iter().map(shown).collect();
    let expected = [
        "1: done", "2: 0.5", "3: null", "4: yes", "5! no", "6: a!!", "7: a", "8: 2",
    ];
    assert_eq!(told, expected);
}

/// Computes on a thread of its own.
#[tool(blocking)]
fn thread(_ctx: ToolCtx<()>) -> String {
    format!("{:?}", std::thread::current().id())
}

#[tokio::test]
async fn blocking_tools_run_on_the_pool() {
    let here = format!("{:?}", std::thread::current().id());
    assert_ne!(thread(ToolCtx::new(())).await, here);
    let by_hand = Tool::blocking("by_hand", "The same.", |(): (), _| {
        Ok::<_, ToolError>(format!("{:?}", std::thread::current().id()))
    });
    let none = json!({ "type": "object", "properties": {} });
    assert_eq!(by_hand.spec().parameters, none);
    let toolbox = Toolbox::new().add(thread).add(by_hand);
    let calls = [call("1", "thread", ""), call("2", "by_hand", "{}")];
    let told = toolbox
        .run(&calls, &View::new(()), &Ctx::new(()))
        .await
        .unwrap();
    assert!(
        told.iter()
            .all(|told| !told.is_error && told.content != here),
        "{told:?}"
    );
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Greet {
    name: String,
}

#[tokio::test]
async fn tools_can_be_made_by_hand() {
    let greet = Tool::new(
        "greet",
        "Says hello.",
        async |greet: Greet, ctx: ToolCtx<u8>| {
            Ok::<_, NodeError>(format!("hello {}, {}", greet.name, *ctx))
        },
    );
    let spec = ToolSpec {
        name: "echo".into(),
        description: "Says the same.".into(),
        parameters: json!({ "type": "object" }),
    };
    let echo = Tool::from_spec(spec.clone(), async |said, _| Ok::<_, ToolError>(said));
    let toolbox = Toolbox::new().add_all([greet, echo]);
    assert_eq!(toolbox.specs()[1], spec);
    let input = asks([
        ("1", "greet", r#"{"name": "Ann"}"#),
        ("2", "echo", r#"{"a": [1]}"#),
    ]);
    let run = graph(toolbox).invoke(input).context(7).await.unwrap();
    assert_eq!(results(&run.state), ["1: hello Ann, 7", r#"2: {"a":[1]}"#]);
}

/// A tool's function is no node, but a node can call it.
#[tokio::test]
async fn nodes_can_call_tools() {
    let graph = of(async |_: View<Chat>, _: Ctx| -> NodeResult<ChatUpdate> {
        Ok(Chat::update().language(hidden(false).await?))
    });
    let run = graph.compile().unwrap().invoke(Chat::update()).await;
    assert_eq!(run.unwrap().state.language, "yes");
}
