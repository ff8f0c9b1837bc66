use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(|a, b| a + b)]
    count: u64,
}

fn main() {
    let _ = Research::update().topic("space");
}
