//! A commit writes all of a checkpoint or nothing, and only onto the head
//! before it (rules 1 and 2).

use super::model::{Model, add, entry, set};
use super::scene::{LONG, Scene, Thread};
use super::verdict::{Verdict, busy, equal, holds, stale};
use crate::checkpoint::{Checkpointer, Commit, Lease, Source};
use crate::id::CheckpointId;

pub async fn the_first_checkpoint_begins_a_thread<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    written.check().await
}

pub async fn each_commit_becomes_the_head<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=12 {
        written.step(&[set("n", n)]).await?;
        let head = written.thread.head().await?;
        equal("the head", head, written.model.head())?;
    }
    written.check().await
}

pub async fn a_number_that_leaves_a_gap_is_refused<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for _ in 0..2 {
        let commit = renumbered(written.model.step(&[set("a", 1)]), 1);
        stale(
            "a commit that leaves out a number",
            written.thread.commit(&written.lease, commit).await,
        )?;
        written.check().await?;
        written.step(&[set("a", 0)]).await?;
    }
    written.check().await
}

pub async fn a_number_that_is_taken_is_refused<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    let again = written.model.step(&[set("a", "\"again\"")]);
    written.step(&[set("a", 1)]).await?;
    for _ in 0..2 {
        stale(
            "a commit whose number is taken",
            written.thread.commit(&written.lease, again.clone()).await,
        )?;
        written.check().await?;
        written.step(&[set("b", 2)]).await?;
    }
    written.check().await
}

pub async fn a_commit_that_was_refused_can_be_put_right<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    let right = written.model.step(&[set("a", 1)]);
    stale(
        "a commit that leaves out a number",
        written
            .thread
            .commit(&written.lease, renumbered(right.clone(), 4))
            .await,
    )?;
    written.commit(right).await?;
    written.check().await
}

pub async fn a_writer_whose_lease_was_taken_over_is_refused<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[set("a", 1)]).await?;
    let new = old.thread.take_over().await?;
    let commit = old.model.step(&[set("a", 2)]);
    stale(
        "a commit under a token that is not the newest",
        old.thread.commit(&old.lease, commit.clone()).await,
    )?;
    old.check().await?;
    old.lease = new;
    old.commit(commit).await?;
    old.check().await
}

/// The next holder can have released it too: the token is still not the newest.
pub async fn a_writer_is_refused_after_the_next_one_has_left<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let old = scene.written("t").await?;
    let new = old.thread.take_over().await?;
    old.thread.release(&new).await?;
    let commit = old.model.step(&[set("a", 1)]);
    stale(
        "a commit under a token that is not the newest",
        old.thread.commit(&old.lease, commit).await,
    )?;
    old.check().await
}

pub async fn of_a_commit_under_an_old_token_nothing_is_seen<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[set("a", 1)]).await?;
    old.put(1, vec![entry("plan", "result", 1)]).await?;
    let new = old.thread.take_over().await?;
    let refused = full(&old.model);
    nothing_is_seen(&old.thread, &old.lease, refused, &old.model).await?;
    old.lease = new;
    old.step(&[]).await?;
    old.check().await
}

pub async fn of_a_commit_not_onto_the_head_nothing_is_seen<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    written.put(1, vec![entry("plan", "result", 1)]).await?;
    let early = renumbered(full(&written.model), 1);
    nothing_is_seen(&written.thread, &written.lease, early, &written.model).await?;
    let mut late = full(&Model::default());
    late.drop_entries_of = Some(CheckpointId::from(1));
    nothing_is_seen(&written.thread, &written.lease, late, &written.model).await?;
    written.step(&[]).await?;
    written.check().await
}

pub async fn a_commit_can_give_the_lease_back<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    let mut last = written.model.step(&[set("a", 1)]);
    last.release = true;
    written.commit(last).await?;
    let next = written.thread.claim(LONG).await?;
    equal("the head", next.head, Some(CheckpointId::from(1)))?;
    holds(
        next.token > written.lease.token,
        "the next token is not greater",
    )?;
    written.check().await
}

pub async fn a_commit_keeps_the_lease_otherwise<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1)]).await?;
    let claim = written.thread.claim(LONG).await;
    let free_in = busy("a claim after a commit that keeps the lease", claim)?;
    holds(
        free_in > LONG / 2,
        "a commit shortened the lease it was made under",
    )?;
    written.step(&[set("a", 2)]).await?;
    written.check().await
}

/// Numbers up to 64 bits: a checksum can be any of them, and a counter is
/// greater than what a double holds.
pub async fn every_column_comes_back<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    let sources = [
        (Source::Input, 0, 0),
        (Source::Superstep, 1, -1),
        (Source::Update, (1 << 53) + 1, (1 << 53) + 1),
        (Source::Fork, 1 << 62, 253_402_300_799_999),
    ];
    for (n, (source, step, created_at)) in (1_u64..).zip(sources) {
        let mut commit = written
            .model
            .step(&[set("a", n), add("b", format!("[{n}]"))]);
        commit.checkpoint.source = source;
        commit.checkpoint.step = step;
        commit.checkpoint.created_at = created_at;
        commit.checkpoint.checksum = [0, 1, 1 << 63, u64::MAX][n as usize % 4];
        for record in &mut commit.fields {
            record.checksum = commit.checkpoint.checksum.wrapping_sub(n);
        }
        commit.entries = vec![entry("plan", "result", n)];
        commit.entries[0].checksum = u64::MAX - n;
        written.commit(commit).await?;
    }
    written.check().await
}

/// Whatever JSON allows between and around values, and numbers that others
/// would round: it is text.
pub async fn json_comes_back_byte_for_byte<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    const TEXTS: [&str; 12] = [
        " { \"b\" : 1 ,\n\t\"a\":2, \"b\" :3 }\r\n",
        "1.0",
        "1e400",
        "123456789012345678901234567890.10",
        "-0",
        "\"\"",
        r#""it's a \"quote\", a \\ and a \u0000""#,
        "\"\u{e9} e\u{301} \u{1f600} \u{2028} \u{feff} \u{10ffff}\"",
        r#""\ud83d\ude00 \/""#,
        "null",
        r#""'; DROP TABLE checkpoints; -- $1 %s {} :x ?""#,
        "[]",
    ];
    let mut written = scene.written("t").await?;
    for text in TEXTS {
        let mut commit = written.model.step(&[set("a", text), add("b", text)]);
        commit.checkpoint.body = text.to_owned();
        commit.checkpoint = commit.checkpoint.sealed();
        commit.entries = vec![entry("plan", "result", text)];
        written.commit(commit).await?;
    }
    written.check().await
}

pub async fn texts_of_megabytes_come_back<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    let long = |n: usize| format!("\"{}\"", "0123456789abcde\u{e9}".repeat(n << 16));
    let mut commit = written
        .model
        .step(&[set("big", long(4)), add("more", long(1))]);
    commit.checkpoint.body = long(1);
    commit.checkpoint = commit.checkpoint.sealed();
    commit.entries = vec![entry("plan", "result", long(2))];
    written.commit(commit).await?;
    written.check().await
}

pub async fn a_commit_may_change_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    written.step(&[set("a", 1)]).await?;
    written.step(&[]).await?;
    written.check().await
}

pub async fn a_thousand_fields_change_at_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    let all = (0..1000).map(|n| set(&format!("field {n}"), n));
    written.step(&all.collect::<Vec<_>>()).await?;
    let some = (0..1000).step_by(3).map(|n| add(&format!("field {n}"), n));
    written.step(&some.collect::<Vec<_>>()).await?;
    written.check().await
}

pub async fn entries_can_come_with_a_commit<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=3 {
        let mut commit = written.model.step(&[set("n", n)]);
        commit.entries = vec![
            entry("plan", "answer/b", n),
            entry("", "answer/a", n),
            entry("plan", "answer/a", n),
        ];
        written.commit(commit).await?;
    }
    written.check().await
}

pub async fn a_commit_drops_the_entries_of_the_checkpoint_it_names<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=3 {
        written.step(&[set("n", n)]).await?;
        let entries = vec![entry("plan", "result", n), entry("walk", "result", n)];
        written.put(n, entries).await?;
    }
    let mut commit = written.model.step(&[]);
    commit.drop_entries_of = Some(CheckpointId::from(2));
    commit.entries = vec![entry("plan", "result", 4)];
    written.commit(commit).await?;
    written.check().await?;
    let mut commit = written.model.step(&[]);
    commit.drop_entries_of = Some(CheckpointId::from(2));
    written.commit(commit).await?;
    written.check().await
}

/// A commit of which each part would be seen.
fn full(model: &Model) -> Commit {
    let mut commit = model.step(&[set("a", 9), add("b", 9), set("c", 9)]);
    commit.entries = vec![entry("plan", "answer/a", 9), entry("", "error", 9)];
    commit.drop_entries_of = commit.checkpoint.parent;
    commit.release = true;
    commit
}

/// Makes a commit that must be refused, and looks for anything it left behind.
async fn nothing_is_seen<K: Checkpointer>(
    thread: &Thread<K>,
    lease: &Lease,
    refused: Commit,
    model: &Model,
) -> Verdict {
    let id = refused.checkpoint.id.number();
    stale("the commit", thread.commit(lease, refused).await)?;
    thread.is(model).await?;
    if id > model.n_checkpoints() {
        equal("what was refused", thread.load(id).await?, None)?;
        equal(
            "what it would have changed",
            thread.changes(id).await?,
            vec![],
        )?;
    }
    busy("a claim after a refused commit", thread.claim(LONG).await)?;
    Ok(())
}

/// The same with a number that is greater by so much.
fn renumbered(mut commit: Commit, by: u64) -> Commit {
    let id = CheckpointId::from(commit.checkpoint.id.number() + by);
    commit.checkpoint.id = id;
    commit.checkpoint = commit.checkpoint.sealed();
    for record in &mut commit.fields {
        record.checkpoint = id;
        *record = record.clone().sealed();
    }
    commit
}
