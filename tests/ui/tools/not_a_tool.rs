use superstep::Toolbox;

/// Looks a word up.
async fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
