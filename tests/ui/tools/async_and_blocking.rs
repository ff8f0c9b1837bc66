use superstep::tool;

/// Looks a word up.
#[tool(blocking)]
async fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = look_up;
}
