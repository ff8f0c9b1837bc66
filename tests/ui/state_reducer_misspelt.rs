use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Apend)]
    notes: Vec<String>,
}

fn main() {
    let _ = Research::update().topic("space");
}
