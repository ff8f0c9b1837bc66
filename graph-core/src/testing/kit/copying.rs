//! A copy is the whole thread, but for its lease, and goes on by itself.

use super::model::{Model, add, entry, set};
use super::scene::{LONG, Scene, Written};
use super::verdict::{Broken, Verdict, busy, equal, holds};
use crate::checkpoint::{CheckpointError, Checkpointer};
use crate::id::CheckpointId;

pub async fn a_copy_has_all_checkpoints_forks_and_entries<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let from = with_history(&scene, "from").await?;
    let to = scene.thread("to");
    from.thread.copy(&to).await?;
    to.is(&from.model).await?;
    from.check().await
}

pub async fn a_copy_does_not_have_the_lease<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut from = with_history(&scene, "from").await?;
    let to = scene.thread("to");
    from.thread.copy(&to).await?;
    let lease = to.claim(LONG).await?;
    equal("the copy's head", lease.head, Some(CheckpointId::from(5)))?;
    holds(
        lease.head_token < lease.token,
        "the copy's head seems to be written under a token that is still to come",
    )?;
    busy("a claim of what was copied", from.thread.claim(LONG).await)?;
    from.step(&[set("a", "\"held on\"")]).await?;
    from.check().await
}

pub async fn a_copy_and_its_origin_go_on_apart<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut from = with_history(&scene, "from").await?;
    let to = scene.thread("to");
    from.thread.copy(&to).await?;
    let mut to = Written {
        lease: to.claim(LONG).await?,
        thread: to,
        model: from.model.clone(),
    };
    from.step(&[set("a", "\"origin\"")]).await?;
    from.put(6, vec![entry("plan", "result", "\"origin\"")])
        .await?;
    to.step(&[add("log", "[\"copy\"]")]).await?;
    to.fork(2, &[set("b", "\"copy\"")]).await?;
    to.put(3, vec![entry("plan", "result", "\"copy\"")]).await?;
    from.check().await?;
    to.check().await?;
    from.thread.delete(&from.lease).await?;
    from.thread.is(&Model::default()).await?;
    to.check().await
}

pub async fn a_copy_never_replaces_a_thread<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let from = with_history(&scene, "from").await?;
    let mut to = scene.written("to").await?;
    to.step(&[set("a", "\"mine\"")]).await?;
    to.put(1, vec![entry("plan", "result", "\"mine\"")]).await?;
    exists(from.thread.copy(&to.thread).await)?;
    to.check().await?;
    exists(from.thread.copy(&from.thread).await)?;
    from.check().await
}

pub async fn a_thread_that_was_only_leased_gives_way_to_a_copy<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let from = with_history(&scene, "from").await?;
    let to = scene.thread("to");
    let before = to.claim(LONG).await?;
    to.release(&before).await?;
    from.thread.copy(&to).await?;
    to.is(&from.model).await?;
    let after = to.take_over().await?;
    holds(
        after.token > before.token,
        "the token after a copy is not greater than the thread's before it",
    )
}

pub async fn a_name_is_free_again_once_its_thread_was_deleted<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let from = with_history(&scene, "from").await?;
    let mut to = scene.written("to").await?;
    to.step(&[set("gone", 1)]).await?;
    to.thread.delete(&to.lease).await?;
    from.thread.copy(&to.thread).await?;
    to.thread.is(&from.model).await
}

pub async fn a_copy_of_what_is_not_there_is_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let (from, to) = (scene.thread("from"), scene.thread("to"));
    from.copy(&to).await?;
    to.is(&Model::default()).await?;
    let listed = scene.threads(None, 2).await?;
    holds(
        !listed.contains(&to.id),
        "a thread without checkpoints is listed",
    )
}

/// Five checkpoints in two lines, with entries.
async fn with_history<K: Checkpointer>(scene: &Scene<K>, name: &str) -> Result<Written<K>, Broken> {
    let mut written = scene.written(name).await?;
    written.step(&[set("a", 1), add("log", "[1]")]).await?;
    written.step(&[add("log", "[2]")]).await?;
    written.put(2, vec![entry("plan", "result", 2)]).await?;
    written.step(&[set("a", 3), add("log", "[3]")]).await?;
    written.fork(2, &[add("log", "[4]")]).await?;
    let mut last = written.model.step(&[set("b", 5)]);
    last.entries = vec![entry("plan", "answer/ok", 5), entry("walk", "result", 5)];
    written.commit(last).await?;
    Ok(written)
}

#[track_caller]
fn exists(answer: Result<(), CheckpointError>) -> Verdict {
    holds(
        matches!(answer, Err(CheckpointError::Exists)),
        "a copy onto a thread that is there must be refused as `Exists`",
    )
}
