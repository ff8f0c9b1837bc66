//! Names are any text, and threads do not see each other (rule 6).

use super::model::{add, entry, no_entry, set};
use super::scene::Scene;
use super::verdict::Verdict;
use crate::checkpoint::Checkpointer;

pub async fn names_that_begin_alike<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    are_kept_apart(scene, &["", "a", "aa", "aaa", "ab", "b", "1", "10", "01"]).await
}

pub async fn names_that_match_as_patterns<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = [
        "ab", "a%", "a_", "%", "_", "a*", "*", "a?", "[ab]b", "a.", ".*", "a\\%",
    ];
    are_kept_apart(scene, &names).await
}

pub async fn names_that_differ_by_case_or_space<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = [
        "a", "A", "a ", " a", "a\t", "a\n", "a\r\n", "\u{e9}", "\u{c9}", "a\u{a0}",
    ];
    are_kept_apart(scene, &names).await
}

pub async fn names_with_quotes<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = [
        "'", "''", "\"", "`", "\\", "\\'", "'; --", "$1", "${a}", "{a}", "?", ":a", "%s", "&amp;",
    ];
    are_kept_apart(scene, &names).await
}

/// What a store makes of a name must not be another thread's name.
pub async fn names_with_separators<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = [
        "a",
        "a/1",
        "a:1",
        "a/b",
        "a:fields",
        "a:entries:1",
        "a/../b",
        "..",
        "./a",
        "a//b",
        "a|1",
        "a,b",
        "a;b",
        "a\u{1f}b",
        "1",
        "head",
        "lease",
    ];
    are_kept_apart(scene, &names).await
}

/// Two ways to write the same letter are two names.
pub async fn names_in_unicode<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let names = [
        "\u{e9}",
        "e\u{301}",
        "\u{df}",
        "ss",
        "\u{130}",
        "i",
        "\u{1f600}",
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{2126}",
        "\u{3a9}",
        "\u{202e}a",
        "a\u{200b}",
        "\u{feff}a",
        "\u{10ffff}",
    ];
    are_kept_apart(scene, &names).await
}

pub async fn very_long_names<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let long = "long name ".repeat(100);
    let names = [
        long.clone(),
        format!("{long}a"),
        format!("{long}b"),
        format!("a{long}"),
    ];
    are_kept_apart(scene, &names.each_ref().map(String::as_str)).await
}

pub async fn names_with_a_nul<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    are_kept_apart(scene, &["a", "a\0", "a\0b", "a\0c", "\0", "a\\0b"]).await
}

/// Gives threads, fields, tasks and keys these names, one for each.
async fn are_kept_apart<K: Checkpointer>(scene: Scene<K>, names: &[&str]) -> Verdict {
    let mut written = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let mut thread = scene.written(name).await?;
        let fields = names.iter().map(|field| set(field, n));
        thread.step(&fields.collect::<Vec<_>>()).await?;
        thread.step(&[add(name, n)]).await?;
        let entries = names
            .iter()
            .flat_map(|at| [entry(at, "result", n), entry("plan", at, n)]);
        thread.put(2, entries.collect()).await?;
        let taken = vec![no_entry(name, "result"), entry("plan", name, "\"again\"")];
        thread.put(2, taken).await?;
        written.push(thread);
    }
    for thread in &written {
        thread.check().await?;
    }
    while let Some(gone) = written.pop() {
        gone.thread.delete(&gone.lease).await?;
        for thread in &written {
            thread.check().await?;
        }
    }
    Ok(())
}
