//! A future that is dropped before its end has done all of what it was asked,
//! or nothing.
//!
//! What it began may come to its end a little later, but not after the next
//! lease: a takeover is the end of all that was begun under the one before.

use super::judge::dropped_after;
use super::model::{Model, add, entry, set};
use super::scene::{LONG, Scene, Thread, Written};
use super::verdict::{Broken, Verdict, equal, holds};
use crate::checkpoint::{CheckpointError, Checkpointer, Lease, Loaded};

/// Futures are dropped after none, one, two polls and so on up to this.
const MOST_POLLS: usize = 12;

pub async fn a_dropped_commit_is_whole_or_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    for n_polls in 0..=MOST_POLLS {
        let mut written = with_entries(&scene, n_polls).await?;
        let mut commit = written
            .model
            .step(&[set("a", 2), add("log", "[2]"), set("b", 2)]);
        commit.entries = vec![entry("plan", "answer/ok", 2), entry("walk", "answer/ok", 2)];
        commit.drop_entries_of = commit.checkpoint.parent;
        commit.release = true;
        let mut after = written.model.clone();
        after.commit(&commit);
        let doing = written.thread.commit(&written.lease, commit);
        let done = dropped_after(n_polls, doing).await;
        written.lease = written.thread.take_over().await?;
        one_of(&mut written, done, &after).await?;
        written.step(&[add("log", "[3]")]).await?;
        written.check().await?;
    }
    Ok(())
}

pub async fn dropped_entries_are_all_there_or_none<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    for n_polls in 0..=MOST_POLLS {
        let mut written = with_entries(&scene, n_polls).await?;
        let entries: Vec<_> = (0..50)
            .map(|n| entry("review", &format!("once/{n}"), n))
            .collect();
        let mut after = written.model.clone();
        after.put(1, &entries);
        let doing = written.thread.put(&written.lease, 1, entries);
        let done = dropped_after(n_polls, doing).await;
        written.lease = written.thread.take_over().await?;
        one_of(&mut written, done, &after).await?;
        written.put(1, vec![entry("walk", "result", 1)]).await?;
        written.check().await?;
    }
    Ok(())
}

pub async fn a_dropped_claim_leaves_the_thread_to_others<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    for n_polls in 0..=MOST_POLLS {
        let thread = scene.thread(&format!("{n_polls}"));
        let before = thread.claim(LONG).await?;
        thread.release(&before).await?;
        dropped_after(n_polls, thread.claim(LONG)).await;
        let after = thread.take_over().await?;
        holds(after.token > before.token, "the next token is not greater")?;
        let mut written = thread.written_by(after);
        written.step(&[set("a", 1)]).await?;
        written.check().await?;
    }
    Ok(())
}

pub async fn a_dropped_copy_is_whole_or_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    for n_polls in 0..=MOST_POLLS {
        let from = with_entries(&scene, n_polls).await?;
        let to = scene.thread(&format!("copy {n_polls}"));
        let done = dropped_after(n_polls, from.thread.copy(&to)).await;
        // There is no lease that ends what was begun: a second copy does.
        match from.thread.copy(&to).await {
            Ok(()) => holds(!done, "a copy that came to its end copied nothing")?,
            Err(CheckpointError::Exists) => {}
            Err(other) => return Err(other.into()),
        }
        to.is(&from.model).await?;
        from.check().await?;
    }
    Ok(())
}

pub async fn a_dropped_delete_is_whole_or_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    for n_polls in 0..=MOST_POLLS {
        let mut written = with_entries(&scene, n_polls).await?;
        let deleting = written.thread.delete(&written.lease);
        let done = dropped_after(n_polls, deleting).await;
        let lease: Lease = written.thread.take_over().await?;
        holds(
            lease.token > written.lease.token,
            "the next token is not greater",
        )?;
        written.lease = lease;
        one_of(&mut written, done, &Model::default()).await?;
        written.step(&[set("a", 3)]).await?;
        written.check().await?;
    }
    Ok(())
}

/// A checkpoint with entries.
async fn with_entries<K: Checkpointer>(
    scene: &Scene<K>,
    n_polls: usize,
) -> Result<Written<K>, Broken> {
    let mut written = scene.written(&format!("{n_polls}")).await?;
    written.step(&[set("a", 1), add("log", "[1]")]).await?;
    let entries = vec![entry("plan", "result", 1), entry("walk", "result", 1)];
    written.put(1, entries).await?;
    Ok(written)
}

/// The thread is as before or as after; as after, if the future came to its
/// end. Goes on with what it is.
async fn one_of<K: Checkpointer>(written: &mut Written<K>, done: bool, after: &Model) -> Verdict {
    let found = all_of(&written.thread).await?;
    if found == wanted_of(after) {
        written.model = after.clone();
    }
    let head = found.first().map(|loaded| loaded.checkpoint.id);
    equal(
        "the head that the next lease knows",
        written.lease.head,
        head,
    )?;
    holds(
        !done || found == wanted_of(after),
        "the future came to its end, but not all was done",
    )?;
    written.check().await
}

async fn all_of<K: Checkpointer>(thread: &Thread<K>) -> Result<Vec<Loaded>, Broken> {
    let mut found = Vec::new();
    for record in thread.list(None, 9).await? {
        let loaded = thread.load(record.id.number()).await?;
        found.push(loaded.ok_or_else(|| Broken::new("what is listed cannot be loaded"))?);
    }
    Ok(found)
}

fn wanted_of(model: &Model) -> Vec<Loaded> {
    let ids = (1..=model.n_checkpoints()).rev();
    ids.filter_map(|id| model.loaded(id)).collect()
}
