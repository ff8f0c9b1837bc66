use superstep::{Toolbox, tool};

struct Entry;

/// Looks a word up.
#[tool]
async fn look_up(_word: String) -> Entry {
    Entry
}

/// Looks a word up.
#[tool]
async fn find(_word: String) -> Result<Entry, String> {
    Ok(Entry)
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up).add(find);
}
