use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool]
async fn look_up(_word: String) -> Result<String, u8> {
    Err(7)
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
