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

async fn summarize(state: View<Research>, ctx: Ctx<Tools>) -> ResearchUpdate {
    Research::update().findings(format!("{} by {}", state.topic, ctx.model))
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
