use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[state(ephemral)]
    note: Option<String>,
    #[reduce("Append")]
    findings: Vec<String>,
    #[reduce(Sum, Max)]
    tokens: u64,
    #[reduce(Min)]
    best: Option<u64>,
    overwrite_topic: bool,
}

fn main() {
    let _ = Research::update().topic("space").note("n").findings("f").tokens(1).best(2);
}
