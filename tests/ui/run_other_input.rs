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
    title: String,
}

async fn run(graph: superstep::Graph<Research>) -> Result<(), superstep::RunError> {
    graph.invoke(Report::update()).await?;
    Ok(())
}

fn main() {
    let _ = run;
}
