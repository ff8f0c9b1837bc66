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

#[derive(Clone, Serialize, Deserialize)]
struct Document {
    text: String,
}

const REVIEW: Worker<Document> = Worker::new("review");

async fn review(document: Document) -> ResearchUpdate {
    Research::update().findings(document.text)
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("review", review);
}
