//! Records to write, and the few calls that most tests make.

use std::time::Duration;

use superstep_core::{
    CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord, FieldKind,
    FieldRecord, Lease, Source, ThreadId,
};

/// A wish for a lease that outlives the test.
pub(crate) const CLAIM: Claim = Claim {
    lasts: Duration::from_secs(3600),
    takes_over: false,
};

/// The same, from whoever has it.
pub(crate) const TAKE_OVER: Claim = Claim {
    takes_over: true,
    ..CLAIM
};

pub(crate) fn id(number: u64) -> CheckpointId {
    CheckpointId::from(number)
}

pub(crate) fn checkpoint(number: u64) -> CheckpointRecord {
    CheckpointRecord {
        id: id(number),
        parent: (number > 1).then(|| id(number - 1)),
        line: id(1),
        step: number,
        source: Source::Superstep,
        created_at: 1_790_000_000_123 + i64::try_from(number).expect("it is small"),
        body: format!(r#"{{"format":1,"graph":"chat","next":[{{"node":"answer {number}"}}]}}"#),
        checksum: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

pub(crate) fn field(field: &str, number: u64, kind: FieldKind, json: &str) -> FieldRecord {
    FieldRecord {
        field: field.to_owned(),
        checkpoint: id(number),
        previous: (number > 1).then(|| id(number - 1)),
        kind,
        json: json.to_owned(),
        checksum: u64::MAX - number,
    }
}

pub(crate) fn entry(task: &str, key: &str, json: &str) -> EntryRecord {
    EntryRecord {
        task: task.to_owned(),
        key: key.to_owned(),
        json: Some(json.to_owned()),
        checksum: 7,
    }
}

/// A checkpoint that changes those fields.
pub(crate) fn commit(number: u64, fields: Vec<FieldRecord>) -> Commit {
    Commit {
        checkpoint: checkpoint(number),
        fields,
        entries: Vec::new(),
        drop_entries_of: None,
        release: false,
    }
}

/// A checkpoint that adds one message of so many bytes.
pub(crate) fn message(number: u64, n_bytes: usize) -> Commit {
    let json = format!("[\"{}\"]", "m".repeat(n_bytes));
    commit(
        number,
        vec![field("messages", number, FieldKind::Extend, &json)],
    )
}

/// Writes so many checkpoints under a lease of its own, and lets it go on.
pub(crate) async fn write(to: &impl Checkpointer, thread: &ThreadId, n: u64) -> Lease {
    let lease = to.acquire(thread, CLAIM).await.expect("nobody has it");
    for number in 1..=n {
        let commit = message(number, 1000);
        to.commit(thread, &lease, commit)
            .await
            .expect("it is written");
    }
    lease
}

/// An error with its causes, as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
