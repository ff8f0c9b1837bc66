//! Entries belong to a checkpoint; one of the same task and key takes the place
//! of the one before (rule 4).

use super::model::{entry, no_entry, set};
use super::scene::Scene;
use super::verdict::{Verdict, stale};
use crate::checkpoint::Checkpointer;

pub async fn what_was_put_is_loaded<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    written.put(1, vec![entry("plan", "result", 1)]).await?;
    written.check().await?;
    let more = vec![entry("walk", "result", 2), entry("plan", "once/pay", 3)];
    written.put(1, more).await?;
    written.check().await
}

pub async fn a_later_entry_takes_the_place_of_an_earlier<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    for n in 1..=3 {
        let entries = vec![entry("plan", "result", n), entry("walk", "result", 0)];
        written.put(1, entries).await?;
        written.check().await?;
    }
    Ok(())
}

pub async fn of_two_in_one_call_the_later_counts<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    let entries = vec![
        entry("plan", "result", 1),
        entry("plan", "result", 2),
        entry("walk", "result", 1),
        no_entry("walk", "result"),
        no_entry("rest", "result"),
        entry("rest", "result", 1),
    ];
    written.put(1, entries).await?;
    written.check().await
}

pub async fn an_entry_without_json_is_taken_away<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    let entries = ["a", "b", "c"].map(|key| entry("plan", key, 1));
    written.put(1, entries.into()).await?;
    let taken = vec![no_entry("plan", "b"), entry("plan", "d", 1)];
    written.put(1, taken).await?;
    written.check().await?;
    written.put(1, vec![entry("plan", "b", 2)]).await?;
    written.check().await
}

pub async fn what_is_not_there_can_be_taken_away<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    written.put(1, vec![no_entry("plan", "result")]).await?;
    written.check().await?;
    written.put(1, vec![entry("plan", "result", 1)]).await?;
    written.put(1, vec![no_entry("walk", "result")]).await?;
    written.put(1, vec![no_entry("plan", "results")]).await?;
    written.check().await
}

pub async fn entries_of_other_checkpoints_stay<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=12 {
        written.step(&[]).await?;
        written.put(n, vec![entry("plan", "result", n)]).await?;
    }
    written.put(1, vec![entry("plan", "result", 0)]).await?;
    written.put(11, vec![no_entry("plan", "result")]).await?;
    written.check().await
}

pub async fn a_commit_keeps_entries_unless_it_drops_them<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    written.put(1, vec![entry("plan", "ask/ok", 1)]).await?;
    written.step(&[]).await?;
    written.fork(1, &[]).await?;
    written.check().await
}

pub async fn ten_thousand_are_put_at_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    let entries = (0..10_000).map(|n| entry(&format!("review/{n}"), "result", n));
    written.put(1, entries.collect()).await?;
    written.check().await?;
    let others = (0..10_000).step_by(2).map(|n| {
        let task = format!("review/{n}");
        if n % 4 == 0 {
            no_entry(&task, "result")
        } else {
            entry(&task, "result", -n)
        }
    });
    written.put(1, others.collect()).await?;
    written.check().await
}

pub async fn entries_under_an_old_token_are_refused<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[]).await?;
    old.put(1, vec![entry("plan", "result", 1)]).await?;
    let new = old.thread.take_over().await?;
    let entries = vec![
        entry("walk", "result", 2),
        entry("plan", "result", 2),
        no_entry("plan", "result"),
    ];
    stale(
        "entries under a token that is not the newest",
        old.thread.put(&old.lease, 1, entries).await,
    )?;
    old.check().await?;
    old.lease = new;
    old.put(1, vec![entry("walk", "result", 3)]).await?;
    old.check().await
}

/// Where a store makes one name of several, some separator stands in them.
pub async fn task_and_key_do_not_run_together<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    for between in ["/", ":", "|", ",", ".", "\n", "\t", " ", "\u{1f}"] {
        let joined = format!("b{between}c");
        let entries = vec![
            entry("a", &joined, 1),
            entry(&format!("a{between}b"), "c", 2),
            entry("", &format!("a{between}{joined}"), 3),
            entry(&format!("a{between}{joined}"), "", 4),
        ];
        written.put(1, entries).await?;
    }
    written.check().await
}

pub async fn an_empty_list_of_entries_changes_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    written.put(1, vec![entry("plan", "result", 1)]).await?;
    written.put(1, vec![]).await?;
    written.check().await
}
