use superstep::{Model, prompt, text};

fn ask(model: Model) {
    let shout = |text: String| text.to_uppercase();
    let chain = prompt("Tell me about {topic}") | model | text() | shout;
    drop(chain.invoke("space"));
}

fn main() {}
