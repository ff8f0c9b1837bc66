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

#[derive(Clone)]
struct Document {
    text: String,
}

const REVIEW: Worker<Document> = Worker::new("review");

fn main() {
    let text = String::new();
    let _ = REVIEW.send(Document { text });
}
