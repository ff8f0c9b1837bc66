use superstep::tool;

struct Dictionary;

impl Dictionary {
    /// Looks a word up.
    #[tool]
    async fn look_up(&self, word: String) -> String {
        word
    }
}

fn main() {
    let _ = Dictionary.look_up(String::new());
}
