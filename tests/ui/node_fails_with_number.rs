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

async fn summarize(state: View<Research>) -> NodeResult<ResearchUpdate> {
    if state.topic.is_empty() {
        return Err(404_u16.into());
    }
    Ok(Research::update().findings(state.topic.clone()))
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
