//! What there is: checkpoints, their changes, threads.

use super::model::{add, set};
use super::scene::{LONG, Scene};
use super::verdict::{Broken, Verdict, equal, holds};
use crate::checkpoint::Checkpointer;
use crate::id::ThreadId;

pub async fn checkpoints_are_listed_newest_first<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=12 {
        written.step(&[set("n", n)]).await?;
    }
    let listed = written.thread.list(None, 100).await?;
    equal("the list", listed, written.model.listed())
}

pub async fn a_list_has_so_many_at_the_most<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=5 {
        written.step(&[set("n", n)]).await?;
    }
    let all = written.model.listed();
    for limit in [0, 1, 4, 5, 6, usize::MAX] {
        let listed = written.thread.list(None, limit).await?;
        let what = format!("the list with the limit {limit}");
        equal(&what, &listed[..], &all[..limit.min(5)])?;
    }
    Ok(())
}

pub async fn a_list_can_begin_before_a_checkpoint<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=12 {
        written.step(&[set("n", n)]).await?;
    }
    let all = written.model.listed();
    for before in [0, 1, 2, 10, 12, 13, 1 << 40, u64::MAX] {
        for limit in [0, 2, 100] {
            let listed = written.thread.list(Some(before), limit).await?;
            let older = all.iter().filter(|record| record.id.number() < before);
            let older: Vec<_> = older.take(limit).cloned().collect();
            let what = format!("the list of {limit} before {before}");
            equal(&what, listed, older)?;
        }
    }
    Ok(())
}

pub async fn a_list_holds_all_forks<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("n", 1)]).await?;
    written.step(&[set("n", 2)]).await?;
    written.fork(1, &[set("n", 3)]).await?;
    written.step(&[set("n", 4)]).await?;
    written.fork(2, &[set("n", 5)]).await?;
    written.check().await?;
    let listed = written.thread.list(Some(4), 2).await?;
    equal(
        "the list of 2 before 4",
        &listed[..],
        &written.model.listed()[2..4],
    )
}

pub async fn a_thread_without_checkpoints_lists_none<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    equal(
        "the list of an unknown thread",
        thread.list(None, 9).await?,
        vec![],
    )?;
    thread.claim(LONG).await?;
    equal(
        "the list of a thread that was only leased",
        thread.list(None, 9).await?,
        vec![],
    )?;
    equal("the list before 9", thread.list(Some(9), 9).await?, vec![])?;
    equal("the changes", thread.changes(1).await?, vec![])
}

pub async fn changes_are_those_of_the_checkpoint<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written
        .step(&[set("b", 1), set("a", 1), add("c", "[1]")])
        .await?;
    written.step(&[]).await?;
    written.step(&[add("c", "[3]"), set("a", 3)]).await?;
    for n in 4..=12 {
        written.step(&[set("n", n)]).await?;
    }
    for checkpoint in 1..=12 {
        let changes = written.thread.changes(checkpoint).await?;
        let what = format!("what checkpoint {checkpoint} changed");
        equal(&what, changes, written.model.changes(checkpoint))?;
    }
    Ok(())
}

pub async fn changes_of_a_fork_are_its_own<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1), set("b", 1)]).await?;
    written.step(&[set("a", 2)]).await?;
    written.fork(1, &[add("b", "[3]")]).await?;
    written.check().await
}

/// By their bytes, as Rust orders text.
pub async fn threads_are_listed_by_name<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = threads_of(
        &scene,
        &["b", "a", "B", "ab", "a-b", "a_b", "\u{e9}", "10", "9"],
    )
    .await?;
    equal(
        "the threads",
        scene.threads(None, names.len()).await?,
        names,
    )
}

pub async fn a_list_of_threads_has_so_many_at_the_most<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let names = threads_of(&scene, &["a", "b", "c", "d"]).await?;
    for limit in [0, 1, 3, 4] {
        let what = format!("the threads with the limit {limit}");
        equal(
            &what,
            &scene.threads(None, limit).await?[..],
            &names[..limit],
        )?;
    }
    Ok(())
}

pub async fn a_list_of_threads_can_begin_after_one<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = threads_of(&scene, &["a", "ab", "b", "c"]).await?;
    for (at, after) in names.iter().enumerate() {
        let rest = &names[at + 1..];
        let n = rest.len().min(2);
        let listed = scene.threads(Some(after), n).await?;
        equal(
            &format!("the {n} threads after `{after}`"),
            &listed[..],
            &rest[..n],
        )?;
    }
    let between = ThreadId::from(format!("{}/aa", scene.mark()));
    let listed = scene.threads(Some(&between), 2).await?;
    equal(
        "those after a name that no thread has",
        &listed[..],
        &names[1..3],
    )
}

/// Page by page, as one who shows them does.
pub async fn pages_of_threads_hold_each_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let many: Vec<String> = (0..23).map(|n| format!("{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let names = threads_of(&scene, &many).await?;
    let mut found: Vec<ThreadId> = Vec::new();
    while found.len() < names.len() {
        let page = scene.threads(found.last(), 5).await?;
        let ours = page.into_iter().filter(|id| names.contains(id));
        let before = found.len();
        found.extend(ours);
        holds(
            found.len() > before,
            "a page holds nothing of what comes next",
        )?;
    }
    equal("all pages", found, names)
}

pub async fn all_threads_are_listed_where_no_limit_is_meant<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let names = threads_of(&scene, &["a", "b", "c"]).await?;
    let all = scene.all_threads().await?;
    holds(all.is_sorted(), "the threads are not sorted by their bytes")?;
    let ours = all.into_iter().filter(|id| names.contains(id));
    equal(
        "this case's threads among all",
        ours.collect::<Vec<_>>(),
        names,
    )
}

pub async fn a_thread_is_listed_once_it_has_checkpoints<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut first = scene.written("a").await?;
    let second = scene.written("b").await?;
    let only_leased = scene.threads(None, 9).await?;
    let ours = |all: Vec<ThreadId>| {
        let known = [first.thread.id.clone(), second.thread.id.clone()];
        all.into_iter()
            .filter(|id| known.contains(id))
            .collect::<Vec<_>>()
    };
    let listed = ours(only_leased);
    holds(listed.is_empty(), "a thread that was only leased is listed")?;
    first.commit(first.model.step(&[])).await?;
    let listed = scene.threads(None, 1).await?;
    equal("the threads", listed, vec![first.thread.id.clone()])?;
    first.thread.delete(&first.lease).await?;
    let deleted = scene.threads(None, 9).await?;
    holds(
        !deleted.contains(&first.thread.id),
        "a deleted thread is listed",
    )
}

/// Threads with one checkpoint each; their names in order.
async fn threads_of<K: Checkpointer>(
    scene: &Scene<K>,
    names: &[&str],
) -> Result<Vec<ThreadId>, Broken> {
    let mut ids = Vec::new();
    for name in names {
        let mut written = scene.written(name).await?;
        written.step(&[set("name", format!("\"{name}\""))]).await?;
        ids.push(written.thread.id);
    }
    ids.sort();
    Ok(ids)
}
