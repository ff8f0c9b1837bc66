use std::future::ready;
use std::rc::Rc;

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
    let topic = Rc::new(state.topic.clone());
    ready(()).await;
    Research::update().findings(topic.as_str())
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
