use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool(nam = "look-up")]
async fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
