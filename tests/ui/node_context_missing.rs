use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Append)]
    findings: Vec<String>,
    #[reduce(Sum)]
    tokens: u64,
}

struct Tools {
    model: String,
}

async fn summarize(state: View<Research>, ctx: Ctx) -> ResearchUpdate {
    Research::update().findings(format!("{} by {}", state.topic, ctx.node()))
}

fn main() {
    let _ = StateGraph::<Research, Tools>::new("research").add_node("summarize", summarize);
}
