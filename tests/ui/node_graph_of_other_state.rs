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

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Report {
    text: String,
}

fn research(summarize: superstep::Graph<Report>) -> StateGraph<Research> {
    StateGraph::<Research>::new("research").add_node("summarize", summarize)
}

fn main() {}
