use superstep::{Toolbox, tool};

#[derive(serde::Deserialize)]
struct Word(String);

/// Looks a word up.
#[tool]
async fn look_up(word: Word) -> String {
    word.0
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
