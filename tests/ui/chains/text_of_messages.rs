use superstep::{Chain, prompt, text};

fn main() {
    let _: Chain<&str, String> = prompt("Tell me about {topic}") | text();
}
