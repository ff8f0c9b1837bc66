//! What is kept tells nothing, and what was changed is noticed. The tests look
//! at the checkpointer within, and write to it, as someone would who has the
//! database.

use superstep_core::{
    CheckpointError, Checkpointer, Commit, FieldKind, MemoryCheckpointer, ThreadId,
};
use superstep_providers::{Encrypted, Key, Keys};

use crate::keys;
use crate::support::{CLAIM, TAKE_OVER, chain, commit, entry, field, id, message, write};

fn named(name: &str) -> ThreadId {
    ThreadId::from(name)
}

fn with(inner: &MemoryCheckpointer, keys: Keys) -> Encrypted<MemoryCheckpointer> {
    Encrypted::new(inner.clone(), keys)
}

/// Two checkpoints of a thread, with two fields and two entries.
async fn written(threads: &impl Checkpointer, name: &str) {
    let thread = named(name);
    let lease = threads.acquire(&thread, CLAIM).await.expect("it is free");
    for number in 1..=2 {
        let fields = vec![
            field("pin", number, FieldKind::Value, "\"1234\""),
            field("tin", number, FieldKind::Value, "\"1234\""),
        ];
        let mut commit = commit(number, fields);
        commit.entries = vec![
            entry("plan", "result", "\"1234\""),
            entry("walk", "result", "1"),
        ];
        threads
            .commit(&thread, &lease, commit)
            .await
            .expect("written");
    }
    threads.release(&thread, &lease).await.expect("released");
}

/// What is kept of a thread's second checkpoint.
async fn kept(inner: &MemoryCheckpointer, name: &str) -> Commit {
    let loaded = inner
        .load(&named(name), Some(id(2)))
        .await
        .expect("readable")
        .expect("there");
    Commit {
        checkpoint: loaded.checkpoint,
        fields: loaded.fields,
        entries: loaded.entries,
        drop_entries_of: None,
        release: true,
    }
}

/// Puts what was tampered with in the place of a thread's second checkpoint,
/// and says what is found there.
async fn found(inner: &MemoryCheckpointer, tampered: Commit) -> Result<(), CheckpointError> {
    let thread = named("ann");
    let first = inner
        .load(&thread, Some(id(1)))
        .await
        .expect("readable")
        .expect("there");
    let lease = inner.acquire(&thread, TAKE_OVER).await.expect("taken over");
    inner.delete(&thread, &lease).await.expect("deleted");
    let lease = inner.acquire(&thread, CLAIM).await.expect("it is free");
    let first = Commit {
        checkpoint: first.checkpoint,
        fields: first.fields,
        entries: first.entries,
        drop_entries_of: None,
        release: false,
    };
    inner.commit(&thread, &lease, first).await.expect("written");
    inner
        .commit(&thread, &lease, tampered)
        .await
        .expect("written");
    with(inner, keys()).load(&thread, None).await.map(|_| ())
}

async fn check(tamper: impl AsyncFnOnce(&MemoryCheckpointer, &mut Commit), expected: &str) {
    let inner = MemoryCheckpointer::new();
    written(&with(&inner, keys()), "ann").await;
    let mut tampered = kept(&inner, "ann").await;
    found(&inner, tampered.clone())
        .await
        .expect("it is as it was");
    tamper(&inner, &mut tampered).await;
    let error = found(&inner, tampered).await.expect_err("it was changed");
    assert!(matches!(error, CheckpointError::Corrupt { .. }), "{error}");
    assert_eq!(chain(&error), expected);
}

const CHANGED: &str = "cannot be read: it was changed, or sealed for another place";

#[tokio::test]
async fn what_is_changed_or_moved_is_noticed() {
    let body = format!("checkpoint 2 {CHANGED}");
    let pin = format!("field `pin` of checkpoint 2 {CHANGED}");
    let plan = format!("entry `result` of `plan` of checkpoint 2 {CHANGED}");
    check(async |_, it| it.checkpoint.created_at += 1, &body).await;
    check(async |_, it| it.checkpoint.step += 1, &body).await;
    check(
        async |_, it| it.checkpoint.body = flipped(&it.checkpoint.body),
        &body,
    )
    .await;
    check(async |_, it| it.fields[0].kind = FieldKind::Extend, &pin).await;
    check(
        async |_, it| it.fields[0].json = it.fields[1].json.clone(),
        &pin,
    )
    .await;
    check(
        async |_, it| it.entries[0].json = it.entries[1].json.clone(),
        &plan,
    )
    .await;
    let earlier = async |inner: &MemoryCheckpointer, it: &mut Commit| {
        let first = inner.changes(&named("ann"), id(1)).await.expect("readable");
        it.fields[0].json = first[0].json.clone();
    };
    check(earlier, &pin).await;
}

#[tokio::test]
async fn what_is_another_threads_is_noticed() {
    let others = async |inner: &MemoryCheckpointer, it: &mut Commit| {
        written(&with(inner, keys()), "bob").await;
        it.fields[0].json = kept(inner, "bob").await.fields[0].json.clone();
    };
    check(
        others,
        "field `pin` of checkpoint 2 cannot be read: it was sealed for another thread",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_sealed_is_not_read() {
    check(
        async |_, it| it.fields[0].json = "\"1234\"".to_owned(),
        "field `pin` of checkpoint 2 cannot be read: it is not sealed",
    )
    .await;
    check(
        async |_, it| it.fields[0].json = it.fields[0].json.replace("sealed\":\"", "sealed\":\"-"),
        "field `pin` of checkpoint 2 cannot be read: what is sealed is cut off",
    )
    .await;
}

#[tokio::test]
async fn what_is_kept_tells_nothing() {
    let inner = MemoryCheckpointer::new();
    let threads = with(&inner, keys());
    written(&threads, "ann").await;
    let kept = kept(&inner, "ann").await;
    let text = format!("{kept:?}");
    assert!(!text.contains("1234") && !text.contains("answer"), "{text}");
    assert_eq!((kept.checkpoint.checksum, kept.fields[0].checksum), (0, 0));
    assert_ne!(
        kept.fields[0].json, kept.fields[1].json,
        "the same text twice"
    );
    assert!(!format!("{threads:?}").contains("171"), "{threads:?}");
}

#[tokio::test]
async fn keys_can_be_changed() {
    let (inner, ann) = (MemoryCheckpointer::new(), named("ann"));
    let lease = write(&with(&inner, keys()), &ann, 2).await;
    let key = || Key::new("newer", [9; 32]);
    let both = Keys::new(key()).with_old(Key::new("new", [171; 32]));
    let both = with(&inner, both);
    let done = both.commit(&ann, &lease, message(3, 10)).await;
    done.expect("the old key tells whose it is");
    let loaded = both.load(&ann, None).await.expect("readable");
    assert_eq!(loaded.expect("there").fields.len(), 3);
    let error = with(&inner, Keys::new(key())).load(&ann, None).await;
    assert_eq!(
        chain(&error.expect_err("the old key is gone")),
        "the store failed: there is no key `new` to open field `messages` of checkpoint 1"
    );
    // A key of the same name and other bytes is no key to it.
    let wrong = with(&inner, Keys::new(Key::new("newer", [8; 32])));
    let error = wrong
        .load(&named("ann"), None)
        .await
        .expect_err("it is another key");
    assert!(matches!(error, CheckpointError::Corrupt { .. }), "{error}");
}

/// The same with one of its last characters changed.
fn flipped(text: &str) -> String {
    let at = text.len() - 10;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
