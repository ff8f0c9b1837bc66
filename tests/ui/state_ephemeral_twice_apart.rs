use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[state(ephemeral)]
    #[state(ephemeral)]
    note: Option<String>,
}

fn main() {
    let _ = Research::update().topic("space");
}
