use superstep::tool;

/// Looks a word up.
#[tool]
async fn look_up(word: &str, limit: impl Into<u32>) -> String {
    word.chars().take(limit.into() as usize).collect()
}

fn main() {}
