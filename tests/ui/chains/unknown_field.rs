use superstep::{Model, parallel, passthrough, prompt, text};

async fn ask(model: Model) {
    let summary = prompt("Summarize {topic}") | model | text();
    let chain = parallel! { summary: summary, topic: passthrough() };
    let record = chain.invoke("space").await.unwrap();
    println!("{}", record.sumary);
}

fn main() {}
