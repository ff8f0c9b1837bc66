use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
#[state(migrate = migrate)]
struct Research {
    topic: String,
}

fn migrate(_: u32, _: &mut superstep::Fields) -> Result<(), String> {
    Ok(())
}

fn main() {
    let _ = Research::update().topic("space");
}
