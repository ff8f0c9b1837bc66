use superstep::{Chain, Model, prompt, text};

struct Topic;

fn ask(model: Model) -> Chain<Topic, String> {
    prompt("Summarize {topic}") | model | text()
}

fn main() {}
