//! Loading finds each field's newest value and what was added since, along the
//! checkpoint's line and on along the parent of the line's first (rule 3).

use super::model::{add, entry, set};
use super::scene::{LONG, Scene};
use super::verdict::{Verdict, equal};
use crate::checkpoint::Checkpointer;

pub async fn of_what_is_not_there_nothing_is_loaded<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    equal("the head of an unknown thread", thread.head().await?, None)?;
    equal("its first", thread.load(1).await?, None)?;
    thread.claim(LONG).await?;
    equal(
        "the head of a thread that was only leased",
        thread.head().await?,
        None,
    )?;
    let mut written = scene.written("other").await?;
    written.step(&[set("a", 1)]).await?;
    written.step(&[set("a", 2)]).await?;
    for unknown in [0, 3, 1 << 31, 1 << 63, u64::MAX] {
        let what = format!("checkpoint {unknown} of a thread that has two");
        equal(&what, written.thread.load(unknown).await?, None)?;
        let what = format!("what checkpoint {unknown} changed");
        equal(&what, written.thread.changes(unknown).await?, vec![])?;
    }
    Ok(())
}

pub async fn each_checkpoint_is_loaded_by_its_number<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=10 {
        written.step(&[set("n", n)]).await?;
    }
    written.check().await
}

pub async fn a_value_comes_with_what_was_added_since_oldest_first<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("log", "[0]")]).await?;
    for n in 1..=11 {
        written.step(&[add("log", format!("[{n}]"))]).await?;
    }
    written.check().await
}

pub async fn a_newer_value_hides_what_was_before<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("log", "[1]")]).await?;
    written.step(&[add("log", "[2]")]).await?;
    written.step(&[set("log", "[3]")]).await?;
    written.step(&[add("log", "[4]")]).await?;
    written.step(&[set("log", "[]")]).await?;
    written.check().await
}

pub async fn what_is_added_to_nothing_is_loaded_from_the_first<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("other", 0)]).await?;
    written.step(&[add("log", "[1]")]).await?;
    written.step(&[add("log", "[2]")]).await?;
    written.check().await
}

/// By their bytes, as Rust orders text: not by any language's rules.
pub async fn fields_come_by_name<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    const NAMES: [&str; 12] = [
        "b",
        "\u{e9}",
        "a",
        "B",
        "ab",
        "a_b",
        "a.b",
        "a-b",
        "10",
        "9",
        "A",
        "\u{1f600}",
    ];
    let mut written = scene.written("t").await?;
    let all: Vec<_> = NAMES.iter().map(|name| set(name, 1)).collect();
    written.step(&all).await?;
    let some: Vec<_> = NAMES.iter().step_by(2).map(|name| add(name, 2)).collect();
    written.step(&some).await?;
    written.check().await
}

pub async fn a_field_is_found_however_long_ago_it_was_written<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("old", 1), add("log", "[0]")]).await?;
    for n in 1..=150 {
        written.step(&[set("n", n)]).await?;
    }
    written.step(&[add("log", "[1]")]).await?;
    for checkpoint in [1, 2, 100, 151, 152] {
        let loaded = written.thread.load(checkpoint).await?;
        let what = format!("checkpoint {checkpoint}, loaded,");
        equal(&what, loaded, written.model.loaded(checkpoint))?;
    }
    Ok(())
}

pub async fn a_fork_reads_its_parents_line_up_to_where_it_left<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    for n in 1..=5 {
        written
            .step(&[set("n", n), add("log", format!("[{n}]"))])
            .await?;
    }
    written.fork(2, &[]).await?;
    written.check().await?;
    written.step(&[add("log", "[7]")]).await?;
    written.check().await
}

pub async fn a_fork_leaves_the_line_it_left_as_it_is<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("n", 1), set("log", "[1]")]).await?;
    written.step(&[set("n", 2), add("log", "[2]")]).await?;
    written.step(&[set("n", 3), add("log", "[3]")]).await?;
    written
        .fork(1, &[set("n", 4), set("log", "[4]"), set("new", 4)])
        .await?;
    written.step(&[set("n", 5), add("log", "[5]")]).await?;
    written.check().await
}

pub async fn a_fork_sees_fields_that_it_never_wrote<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1), add("b", "[1]")]).await?;
    written.step(&[add("b", "[2]"), set("c", 2)]).await?;
    written.step(&[set("a", 3), set("d", 3)]).await?;
    written.fork(2, &[set("e", 4)]).await?;
    written.step(&[set("e", 5)]).await?;
    written.check().await
}

pub async fn forks_of_one_checkpoint_do_not_see_each_other<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("n", 1), add("log", "[1]")]).await?;
    written.step(&[set("n", 2), add("log", "[2]")]).await?;
    for n in 3..=6 {
        let mine = format!("only {n}");
        let changes = [set(&mine, n), add("log", format!("[{n}]"))];
        written.fork(1, &changes).await?;
    }
    written.check().await
}

pub async fn a_fork_of_a_fork_reads_all_the_way_back<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("root", 1), add("log", "[1]")]).await?;
    written.step(&[add("log", "[2]")]).await?;
    written.step(&[add("log", "[3]")]).await?;
    written.fork(2, &[add("log", "[4]")]).await?;
    written.step(&[add("log", "[5]"), set("a", 5)]).await?;
    written.step(&[add("log", "[6]")]).await?;
    written.fork(5, &[add("log", "[7]")]).await?;
    written.step(&[set("b", 8)]).await?;
    written.fork(7, &[add("log", "[9]")]).await?;
    written.fork(4, &[add("log", "[10]")]).await?;
    written.fork(3, &[add("log", "[11]")]).await?;
    written.check().await
}

pub async fn a_fork_of_the_first_can_be_forked_again<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1), add("log", "[1]")]).await?;
    written.step(&[set("a", 2)]).await?;
    written.fork(1, &[add("log", "[3]")]).await?;
    written.fork(1, &[add("log", "[4]")]).await?;
    written.fork(3, &[add("log", "[5]")]).await?;
    written.check().await
}

pub async fn a_line_without_a_parent_reads_nothing_before_it<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[set("a", 1), add("log", "[1]")]).await?;
    written.step(&[set("b", 2)]).await?;
    let afresh = written.model.fork(None, &[add("log", "[3]")]);
    written.commit(afresh).await?;
    written.step(&[set("b", 4)]).await?;
    written.check().await
}

pub async fn entries_come_by_task_and_key<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    let places = [
        ("review/10", "result"),
        ("review/2", "result"),
        ("plan", "once/b"),
        ("plan", "once/a"),
        ("", "error"),
        ("Plan", "result"),
        ("\u{e9}", "result"),
        ("plan", "once/B"),
        ("plan", "ask/z"),
        ("plan", ""),
    ];
    for (task, key) in places {
        written.put(1, vec![entry(task, key, 1)]).await?;
    }
    written.check().await
}

/// Every checkpoint of a history with many forks, against plain following of
/// parents.
pub async fn a_tangled_history_is_loaded_as_the_rules_say<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    let mut chance = 7_u64;
    let mut draw = |below: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    for n in 1..=90_u64 {
        let mut changes = Vec::new();
        for field in ["a", "b", "c", "d"] {
            match draw(6) {
                0 => changes.push(set(field, format!("[{n}]"))),
                1 | 2 => changes.push(add(field, format!("[{n}]"))),
                _ => {}
            }
        }
        if n > 1 && draw(4) == 0 {
            written.fork(1 + draw(n - 1), &changes).await?;
        } else {
            written.step(&changes).await?;
        }
    }
    written.check().await
}
