//! What an agent costs beside its model and its tools.

use superstep::prelude::*;
use superstep::{
    Chat, ChatModel, Graph, Message, Model, ModelError, ModelRequest, ModelResponse, Part, Role,
    ToolCall, Toolbox, react_agent, tool, tool_node,
};

use crate::measure::{Plan, Row, alternate};

/// What a node of an agent may take over one that is written by hand, in
/// nanoseconds.
const OVER: f64 = 2000.0;

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Answers at once: with a call, and when there is a result, with text.
struct Instant;

impl ChatModel for Instant {
    fn name(&self) -> &str {
        "instant"
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(ModelResponse::new(answer(&request.messages)))
    }
}

fn answer(messages: &[Message]) -> Message {
    match messages.last().map(|message| message.role) {
        Some(Role::Tool) => Message::assistant("It is 3."),
        _ => Message::new(Role::Assistant).part(Part::ToolCall(ToolCall {
            id: "call".to_owned(),
            name: "add".to_owned(),
            arguments: r#"{"a":1,"b":2}"#.to_owned(),
        })),
    }
}

#[derive(Route)]
enum Next {
    #[route("tools")]
    Tools,
    #[route("answer")]
    Answer,
}

/// What one writes by hand with the same model and the same tools.
fn bare() -> Graph<Chat> {
    let model = Model::new(Instant);
    let specs = toolbox().specs();
    let ask = move |chat: View<Chat>| {
        let mut request = ModelRequest::from(&chat.messages).system("Count.");
        request.tools = specs.clone();
        let model = model.clone();
        async move { NodeResult::Ok(Chat::update().messages(model.generate(request).await?)) }
    };
    let tools = tool_node(
        toolbox(),
        |chat: &Chat| &chat.messages,
        |results| Chat::update().messages(results),
    );
    StateGraph::<Chat>::new("bare")
        .add_node("model", ask)
        .add_node("tools", tools)
        .add_node("answer", async |_: View<Chat>| {})
        .add_edge(START, "model")
        .add_edge("tools", "model")
        .add_route("model", |chat: &Chat| {
            let last = chat.messages.last();
            match last.is_some_and(|said| said.tool_calls().next().is_some()) {
                true => Next::Tools,
                false => Next::Answer,
            }
        })
        .compile()
        .expect("the graph is sound")
}

fn toolbox() -> Toolbox<(), Chat> {
    Toolbox::new().add(add)
}

/// A turn of a model with a tool, and its answer: four nodes.
pub(crate) async fn turn(repetitions: usize) -> Row {
    let plan = Plan {
        repetitions,
        runs: 2000,
        units: 4,
    };
    let agent = react_agent(Instant, toolbox()).instruction("Count.");
    let agent: Graph<Chat> = agent
        .build()
        .expect("the agent is sound")
        .compile()
        .expect("so is its graph");
    let bare = bare();
    let run = async |graph: &Graph<Chat>| {
        let run = graph.invoke(Chat::ask("What is 1 + 2?")).await;
        assert_eq!(
            run.expect("the run ends").state.messages.len(),
            4,
            "all was said"
        );
    };
    let (bare_ns, median_ns) =
        alternate(plan, async || run(&bare).await, async || run(&agent).await).await;
    Row {
        workload: "turn of an agent, whose model is instant",
        median_ns,
        floor: "by hand, and 2 µs",
        floor_ns: bare_ns + OVER,
        ratio: median_ns / (bare_ns + OVER),
        target: 1.0,
        at_most: true,
        unit: "ns/node",
    }
}
