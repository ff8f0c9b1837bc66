use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool(approve = true)]
async fn look_up(word: String) -> String {
    word
}

/// Looks a word up.
#[tool(timeout = 5)]
async fn find(word: String) -> String {
    word
}

#[tool("Looks a word up.")]
async fn search(word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up).add(find).add(search);
}
