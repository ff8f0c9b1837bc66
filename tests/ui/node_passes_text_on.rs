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

fn ask(topic: &str) -> Result<String, String> {
    Err(format!("nothing is known of {topic}"))
}

async fn summarize(state: View<Research>) -> NodeResult<ResearchUpdate> {
    Ok(Research::update().findings(ask(&state.topic)?))
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
