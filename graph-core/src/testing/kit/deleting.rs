//! A deleted thread is gone, but for its tokens, which still grow (rule 5).

use super::model::{Model, add, entry, set};
use super::scene::{LONG, Scene};
use super::verdict::{Verdict, equal, stale};
use crate::checkpoint::Checkpointer;

pub async fn a_deleted_thread_is_gone<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1), add("log", "[1]")]).await?;
    written.put(1, vec![entry("plan", "result", 1)]).await?;
    written.step(&[set("a", 2)]).await?;
    written.fork(1, &[set("b", 3)]).await?;
    written.thread.delete(&written.lease).await?;
    written.thread.is(&Model::default()).await?;
    for checkpoint in 1..=3 {
        equal(
            "a deleted checkpoint",
            written.thread.load(checkpoint).await?,
            None,
        )?;
        equal(
            "its changes",
            written.thread.changes(checkpoint).await?,
            vec![],
        )?;
    }
    Ok(())
}

pub async fn a_thread_of_that_name_begins_anew<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[set("a", 1), add("log", "[1]")]).await?;
    old.put(1, vec![entry("plan", "result", 1)]).await?;
    old.step(&[set("b", 2)]).await?;
    old.thread.delete(&old.lease).await?;
    let mut new = scene.written("t").await?;
    equal("the head", new.lease.head, None)?;
    equal("the head's token", new.lease.head_token, 0)?;
    new.step(&[add("log", "[10]")]).await?;
    new.check().await?;
    new.step(&[add("b", "[20]")]).await?;
    new.check().await
}

pub async fn deleting_frees_the_lease<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(LONG).await?;
    thread.delete(&lease).await?;
    thread.claim(LONG).await?;
    Ok(())
}

pub async fn a_lease_that_was_taken_over_cannot_delete<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[set("a", 1)]).await?;
    old.put(1, vec![entry("plan", "result", 1)]).await?;
    let new = old.thread.take_over().await?;
    stale(
        "a delete under a token that is not the newest",
        old.thread.delete(&old.lease).await,
    )?;
    old.check().await?;
    old.lease = new;
    old.step(&[set("a", 2)]).await?;
    old.check().await
}

pub async fn what_is_not_there_is_deleted_already<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    written.thread.delete(&written.lease).await?;
    written.thread.delete(&written.lease).await?;
    written.thread.is(&Model::default()).await
}

pub async fn after_a_delete_its_lease_writes_no_more<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    written.thread.delete(&written.lease).await?;
    let thread = &written.thread;
    for model in [&written.model, &Model::default()] {
        stale(
            "a commit under the lease that deleted the thread",
            thread
                .commit(&written.lease, model.step(&[set("a", 2)]))
                .await,
        )?;
    }
    stale(
        "entries under the lease that deleted the thread",
        thread
            .put(&written.lease, 1, vec![entry("plan", "result", 1)])
            .await,
    )?;
    stale(
        "renewing the lease that deleted the thread",
        thread.renew(&written.lease, LONG).await,
    )?;
    thread.release(&written.lease).await?;
    thread.is(&Model::default()).await
}

pub async fn other_threads_stay_as_they_are<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut others = Vec::new();
    for name in ["ab", "a/b", "b", "a*", "*", "_", "%", "a", ""] {
        let mut other = scene.written(name).await?;
        other.step(&[set("name", format!("\"{name}\""))]).await?;
        other.put(1, vec![entry("plan", "result", 1)]).await?;
        others.push(other);
    }
    // First those that a careless store would take for more than one.
    while let Some(gone) = others.pop() {
        gone.thread.delete(&gone.lease).await?;
        gone.thread.is(&Model::default()).await?;
        for other in &mut others {
            other.check().await?;
            other.step(&[]).await?;
        }
    }
    Ok(())
}
