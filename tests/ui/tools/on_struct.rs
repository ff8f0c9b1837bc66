use superstep::tool;

/// Looks a word up.
#[tool]
struct LookUp {
    word: String,
}

fn main() {
    let _ = LookUp { word: String::new() };
}
