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

async fn summarize(state: View<Research>) -> ResearchUpdate {
    Research::update().findings(state.topic.as_str())
}

async fn rescue(_: View<Research>) {}

fn main() {
    let _ = StateGraph::<Research>::new("research")
        .add_node("summarize", node(summarize).on_error(node(rescue).retry(Retry::attempts(3))));
}
