//! What is inferred: inputs by use, fields by branches, errors by nothing.

use superstep::{
    Chain, ChainError, Model, NodeResult, ScriptedModel, assign, branch, map, parallel,
    passthrough, pick, prompt, step, system, text, user,
};

async fn shout(text: String) -> NodeResult<String> {
    Ok(text.to_uppercase())
}

#[derive(Clone, serde::Serialize)]
struct Topic {
    topic: String,
}

async fn used(model: Model) -> Result<(), ChainError> {
    let summary = prompt([system("Summarize:"), user("{topic}")]) | model.clone() | text();
    let chain = parallel! { summary: summary.clone(), topic: passthrough() }
        | prompt("{summary} {topic}")
        | &model
        | text();
    let answer: String = chain.invoke("space").await?;
    let of_record = prompt("{topic}") | model.clone() | text();
    let topic = Topic { topic: answer };
    let record = (assign! { a: of_record }).invoke(topic).await?;
    let _: (&str, &String) = (&record.a, &record.topic);

    let length = map(str::len) | step(async |length: usize| Ok(length as u64));
    let _: u64 = length.invoke("space").await?;
    let loud: Chain<&str, String> = summary.then(shout).then(|text| async move { Ok(text + "!") });
    let _: Vec<String> = loud.each().invoke(vec!["a"]).await?;
    let chosen = branch().when(|n: &u8| *n > 3, map(|n: u8| n - 1)).otherwise(passthrough());
    let _: u8 = chosen.invoke(3).await?;
    let name: String = (passthrough() | pick("name")).invoke(std::collections::BTreeMap::from([("name", "x")])).await?;
    drop(name);
    Ok(())
}

fn main() {
    drop(used(ScriptedModel::new().otherwise("x").model()));
}
