use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Sum, Max)]
    count: u64,
}

fn main() {
    let _ = Research::update().topic("space");
}
