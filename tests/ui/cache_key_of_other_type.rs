//! A cache's key is made of what the node does not work on.

use serde::{Deserialize, Serialize};
use superstep::CachePolicy;
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Report {
    text: String,
}

async fn search(_: View<Report>) {}

fn main() {
    let by_text = CachePolicy::new(|text: &String| text.clone());
    let _ = StateGraph::<Report>::new("report").add_node("search", node(search).cache(by_text));
}
