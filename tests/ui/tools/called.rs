use superstep::{Toolbox, tool};

/// Says what day it is.
#[tool]
async fn today() -> String {
    "Friday".into()
}

fn main() {
    let _ = Toolbox::<()>::new().add(today());
}
