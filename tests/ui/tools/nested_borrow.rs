use std::borrow::Cow;

use superstep::tool;

/// Looks a word up.
#[tool]
async fn look_up(word: Option<&str>, _others: Vec<Cow<'_, str>>) -> String {
    word.unwrap_or_default().to_owned()
}

fn main() {}
