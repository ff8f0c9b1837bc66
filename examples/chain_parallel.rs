// cargo run --example chain_parallel --features agents [-- TOPIC]

//! A topic is summarized, questioned and indexed by a language model at the same
//! time, and one more answer is made of all three: a chain of prompts, models and
//! parsers. Without a key it asks a model that knows its answers beforehand, and
//! says so.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::io::Write as _;
use std::time::{Duration, Instant};

use superstep::{
    Chain, Model, Reply, Retry, ScriptedModel, list, parallel, passthrough, prompt, system, text,
    user,
};

mod support {
    pub(crate) mod model;
}

/// How long the offline model takes.
const LATENCY: Duration = Duration::from_millis(200);

/// What stands for a language model where there is none.
fn offline() -> Model {
    let scripted = ScriptedModel::new()
        .named("offline")
        .latency(LATENCY)
        .on_system(
            "Based on",
            Reply::with(|request| {
                let told = request.messages[0].text().lines().count();
                format!(
                    "Out of {told} lines I was told I would make an essay, if I were a language model."
                )
            }),
        )
        .on_system("Summarize", "It is large, and mostly empty.")
        .on_system(
            "questions",
            "1. How large is it?\n2. What is in it?\n3. Who has been there?",
        )
        .on_system(
            "key terms",
            "vacuum, orbit, galaxy, \"light, the speed of\"",
        );
    scripted.model()
}

/// Three looks at a topic at once, and a synthesis of them.
fn research(model: &Model) -> Chain<String, String> {
    let ask = |words| prompt([system(words), user("{topic}")]) | model;
    let summary = ask("Summarize the following topic concisely:") | text();
    let questions =
        ask("Generate three interesting questions about the following topic, one a line:")
            | list().numbered();
    let terms =
        ask("Identify five key terms of the following topic, separated by commas:") | list();

    let looks = parallel! {
        summary: summary,
        questions: questions,
        terms: terms.map(|terms| terms.join("; ")),
        topic: passthrough(),
    };
    let synthesis = prompt([
        system(
            "Based on the following information:\nSummary: {summary}\n\
             Related questions: {questions}\nKey terms: {terms}\nSynthesize a comprehensive answer.",
        ),
        user("Original topic: {topic}"),
    ]);
    looks.retry(Retry::attempts(3)) | synthesis | model | text()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let topic = std::env::args().nth(1);
    let topic = topic.unwrap_or_else(|| "The history of space exploration".to_owned());
    let (model, is_real) = support::model::model(offline);
    if !is_real {
        println!("(There is no language model here: all answers are known beforehand.)\n");
    }
    let chain = research(&model).check()?;

    println!("{topic}\n{}", "=".repeat(topic.chars().count()));
    let begin = Instant::now();
    let mut answer = chain.stream(topic);
    while let Some(chunk) = answer.next().await {
        print!("{}", chunk?.text().unwrap_or_default());
        std::io::stdout().flush()?;
    }
    let took = begin.elapsed();
    let told = answer.sum().text("").unwrap_or_default().to_owned();
    println!(
        "\n\nFour answers, of which three at once, took {} ms.",
        took.as_millis()
    );

    assert_eq!(told, answer.finish().await?, "the pieces are the answer");
    assert!(
        is_real || took < LATENCY * 3,
        "three branches take as long as one"
    );
    Ok(())
}
