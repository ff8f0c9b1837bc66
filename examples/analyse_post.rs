// cargo run --example analyse_post --features models[,openai,progress] [-- FILE]

//! The text, the picture and the sound of a post are analysed at the same time,
//! each by a model of its own. Without a sound, and when the provider of one
//! model is down, what is there is put together all the same. The state refers to
//! picture and sound and does not hold them.
//! Needs no network: meters of words, colours and pitch stand for the models,
//! unless the environment names one (see `support/model.rs`).
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{collections::BTreeMap, error::Error, process::ExitCode, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{
    Arrival, CompileError, Graph, Join, Limiter, Media, MemoryCheckpointer, Message, Model,
    ModelError, Part,
};
use support::{
    model::model,
    post::{Blobs, PARTS, Parts, post},
    senses::{Impression, down, listener, reader, viewer},
    shown::shown,
    verdict::Verdict,
};

mod support {
    mod file;
    pub(crate) mod model;
    pub(crate) mod post;
    pub(crate) mod senses;
    pub(crate) mod shown;
    pub(crate) mod verdict;
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Post {
    parts: Parts,
    #[reduce(Merge)]
    impressions: BTreeMap<String, Impression>,
    verdict: Option<Verdict>,
}

/// A model for each part, and what the state refers to.
struct Senses {
    text: Model,
    image: Model,
    audio: Model,
    blobs: Arc<Blobs>,
}

async fn text(post: View<Post>, senses: Ctx<Senses>) -> NodeResult<PostUpdate> {
    let text = post.parts.text.as_deref().ok_or("there is no text")?;
    felt(&senses, &senses.text, Part::text(text)).await
}

async fn image(post: View<Post>, senses: Ctx<Senses>) -> NodeResult<PostUpdate> {
    let blob = post.parts.image.as_ref().ok_or("there is no picture")?;
    let picture = Media::data(&blob.mime, senses.blobs.get(blob)?);
    felt(&senses, &senses.image, Part::Image(picture)).await
}

async fn audio(post: View<Post>, senses: Ctx<Senses>) -> NodeResult<PostUpdate> {
    let blob = post.parts.audio.as_ref().ok_or("there is no sound")?;
    let sound = Media::data(&blob.mime, senses.blobs.get(blob)?);
    felt(&senses, &senses.audio, Part::Audio(sound)).await
}

async fn felt(senses: &Ctx<Senses>, model: &Model, part: Part) -> NodeResult<PostUpdate> {
    let question = Message::user("How does this part of a post feel?").part(part);
    let impression: Impression = model.extract(question).await?;
    Ok(Post::update().impressions([(senses.node().to_string(), impression)]))
}

/// Puts together what there is.
async fn fuse(post: View<Post>, senses: Ctx<Senses>) -> NodeResult<PostUpdate> {
    let arrivals = senses.arrivals().iter();
    let without = arrivals.filter_map(|(task, came)| match came {
        Arrival::Done => None,
        came => Some(format!("{task} {came}")),
    });
    let verdict = Verdict::of(&post.impressions, without.collect());
    Ok(Post::update().verdict(verdict.ok_or("nothing of the post could be analysed")?))
}

fn analysis() -> Result<Graph<Post, Senses>, CompileError> {
    // What each provider bears, of all runs together.
    let at_once = |n| Limiter::new().max_concurrency(n);
    let minute = Duration::from_secs(60);
    let busy = Retry::attempts(3).delay(Duration::from_millis(20));
    let busy = busy.classify::<ModelError>();
    StateGraph::<Post, Senses>::new("post")
        .node_defaults(move |node| node.retry(busy))
        .add_node("text", node(text).limiter(at_once(8)).timeout(minute / 4))
        .add_node("image", node(image).limiter(at_once(4)).timeout(minute))
        .add_node("audio", node(audio).limiter(at_once(2)).timeout(2 * minute))
        .add_node("fuse", fuse)
        .add_conditional_edges(START, |post: &Post| post.parts.present(), PARTS)
        .add_join(PARTS, "fuse", Join::settled())
        .checkpointer(MemoryCheckpointer::new())
        .compile()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (parts, blobs) = match post("post.json") {
        Ok((parts, blobs)) => (parts, Arc::new(blobs)),
        Err(code) => return Ok(code),
    };
    let (text, is_real) = model(reader);
    if !is_real {
        println!("Offline: meters of words, colours and pitch stand for the models.");
    }
    let (image, (audio, _)) = (model(viewer).0, model(listener));
    let mut cases = vec![("As it is", parts.clone(), audio.clone())];
    if parts.audio.is_some() && (parts.text.is_some() || parts.image.is_some()) {
        let mut silent = parts.clone();
        silent.audio = None;
        cases.push(("Without its sound", silent, audio));
        cases.push(("While nobody can hear", parts, down()));
    }
    let (graph, mut kept) = (analysis()?, 0);
    for (case, parts, audio) in cases {
        let senses = Senses {
            text: text.clone(),
            image: image.clone(),
            audio,
            blobs: Arc::clone(&blobs),
        };
        let run = graph.invoke(Post::update().parts(parts));
        let post = shown(run.thread(case).context(senses)).await?.state;
        let verdict = post.verdict.ok_or("there is no verdict")?;
        println!("\n{case}: {}", verdict.page(&post.impressions));
        assert_eq!(post.impressions.len() + verdict.without.len(), PARTS.len());
        for checkpoint in graph.thread(case).history().await? {
            let Parts { image, audio, .. } = &checkpoint.values.parts;
            let refers = serde_json::to_string(&(image, audio))?;
            assert!(refers.len() < 200, "a checkpoint refers to media");
            kept += serde_json::to_string(&checkpoint.values)?.len();
        }
    }
    let size = blobs.size();
    println!("\nPicture and sound: {size} bytes. All checkpoints together: {kept} bytes.");
    Ok(ExitCode::SUCCESS)
}
