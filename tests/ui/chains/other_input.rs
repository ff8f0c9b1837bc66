use superstep::{Chain, Model, map, parallel, prompt, text};

fn ask(model: Model) -> Chain<String, usize> {
    let summary = prompt("Summarize {topic}") | model | text();
    let both = parallel! { summary: summary, half: map(|number: u32| number / 2) };
    both.map(|both| both.summary.len())
}

fn main() {}
