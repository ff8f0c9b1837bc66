//! Every shape of node and return type that the messages tell a user to write.

use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Append)]
    findings: Vec<String>,
    #[reduce(superstep::Sum)]
    tokens: u64,
    #[state(ephemeral)]
    note: Option<String>,
}

struct Tools;

async fn of_view(state: View<Research>) -> ResearchUpdate {
    Research::update().topic(state.topic.clone())
}

async fn of_both(state: View<Research>, _ctx: Ctx<Tools>) -> NodeResult<ResearchUpdate> {
    Ok(Research::update().findings(["a", "b"]).note(state.topic.as_str()))
}

async fn of_context(_ctx: Ctx<Tools>) -> Option<ResearchUpdate> {
    Some(Research::update().tokens(1))
}

async fn nothing(_state: View<Research>) {}

async fn command(_state: View<Research>) -> Result<Command<Research>, std::io::Error> {
    Ok(Command::new().goto(END))
}

#[derive(Route)]
enum Next {
    #[route("nothing")]
    Nothing,
    #[route(superstep::END)]
    Stop,
}

const REVIEW: Worker<String> = Worker::new("review");

fn main() {
    let tools = std::sync::Arc::new(Tools);
    let client = tools.clone();
    let graph = StateGraph::<Research, Tools>::new("research")
        .add_node("of_view", of_view)
        .add_node("of_both", node(of_both).retry(Retry::attempts(3)))
        .add_node("of_context", of_context)
        .add_node("nothing", nothing)
        .add_node("command", command)
        .add_node("closure", |_: View<Research>| async move { Research::update() })
        .add_node("async closure", async |_: View<Research>| Research::update())
        .add_node("boxed", |_: View<Research>| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async {})
        })
        .add_node("captures", move |_: View<Research>| {
            let client = client.clone();
            async move { drop(client) }
        })
        .add_node("fallback", node(of_both).on_error(of_context).retry(Retry::attempts(3)))
        .add_node("other fallback", node(nothing).on_error(command))
        .add_node("blocks", superstep::blocking(|_: View<Research>| Research::update()))
        .add_node("blocks too", node(superstep::blocking(|_: Ctx<Tools>| {})).retry(Retry::attempts(3)))
        .add_worker(REVIEW, async |text: String| Research::update().findings(text))
        .add_route("of_view", |state: &Research| {
            if state.tokens == 0 { Next::Nothing } else { Next::Stop }
        })
        .compile();
    if let Ok(graph) = graph {
        can_be_spawned(graph.invoke(Research::update()).context(Tools));
        can_be_spawned(graph.invoke(Research::update()).context(std::sync::Arc::new(Tools)));
        can_be_spawned(graph.invoke(Research::update()).context(std::sync::Arc::clone(&tools)));
        can_be_spawned(graph.invoke(Research::update()).context(tools));
    }
}

fn can_be_spawned(_run: impl Future<Output: Send> + Send + 'static) {}
