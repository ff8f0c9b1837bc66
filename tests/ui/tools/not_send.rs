use std::rc::Rc;

use superstep::{Toolbox, tool};

/// Looks a word up.
#[tool]
async fn look_up(word: String) -> String {
    let word = Rc::new(word);
    std::future::ready(()).await;
    word.to_string()
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
