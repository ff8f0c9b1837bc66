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

fn summarize(_: View<Research>) {}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
