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

async fn summarize(state: View<Research>) -> NodeResult<ReportUpdate> {
    Ok(Report::update().title(state.topic.clone()))
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
