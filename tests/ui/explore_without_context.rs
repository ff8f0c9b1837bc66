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

struct Tools;

async fn run(graph: superstep::Graph<Research, Tools>) {
    let _ = superstep::testing::explore(&graph, Research::update().topic("space")).await;
}

fn main() {
    let _ = run;
}
