use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool]
fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = look_up;
    let _ = Toolbox::<()>::new();
}
