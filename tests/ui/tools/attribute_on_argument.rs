use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool]
async fn look_up(#[tool(description = "The word.")] word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
