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

async fn summarize(_: View<Research>) {}

fn research(rescue: superstep::Graph<Research>) -> StateGraph<Research> {
    StateGraph::<Research>::new("research").add_node("summarize", node(summarize).on_error(rescue))
}

fn main() {}
