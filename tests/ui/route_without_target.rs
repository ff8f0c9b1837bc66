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

#[derive(Route)]
enum Next {
    #[route("search")]
    Search,
    Stop,
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_route("plan", |_: &Research| Next::Search);
}
