//! Many at once, on threads of the machine: one order comes of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::judge::{at_once, turn};
use super::model::{Model, add, entry, set};
use super::scene::{LONG, Scene, Thread, Written};
use super::verdict::{Broken, Verdict, equal, holds, stale};
use crate::checkpoint::{CheckpointError, Checkpointer, Commit, Lease};
use crate::id::CheckpointId;

const N_RACERS: usize = 8;

/// Who is first is chance, and seldom somebody else than who asked first.
const N_TAKEOVERS: usize = 20;

pub async fn of_many_claims_one_gets_the_lease<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    for round in 0..5 {
        let thread = scene.thread(&format!("{round}"));
        let racers = (0..N_RACERS).map(|_| {
            let thread = thread.clone();
            async move { thread.claim(LONG).await }
        });
        let mut n_leases = 0;
        for claimed in at_once(racers.collect()).await? {
            match claimed {
                Ok(_) => n_leases += 1,
                Err(CheckpointError::Busy { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        equal("the number of those who got the lease", n_leases, 1)?;
    }
    Ok(())
}

pub async fn of_many_takeovers_the_greatest_token_has_the_lease<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    for _ in 0..N_TAKEOVERS {
        let racers = (0..N_RACERS).map(|_| {
            let thread = thread.clone();
            async move { thread.take_over().await }
        });
        let leases: Result<Vec<Lease>, _> = at_once(racers.collect()).await?.into_iter().collect();
        let mut leases = leases?;
        leases.sort_by_key(|lease| lease.token);
        let apart = leases.windows(2).all(|pair| pair[0].token < pair[1].token);
        holds(apart, "two leases of a thread have the same token")?;
        let newest = leases.pop().ok_or_else(|| Broken::new("nobody raced"))?;
        for old in &leases {
            let renewed = thread.renew(old, LONG).await;
            stale("renewing under a lesser token", renewed)?;
        }
        thread.renew(&newest, LONG).await?;
    }
    Ok(())
}

/// Each takes the lease from the others and commits; the last to take it gets
/// through in any case.
pub async fn racing_commits_make_one_line_without_a_gap<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    let racers = (0..4).map(|racer| push_in(thread.clone(), racer, 12));
    let mut done = Vec::new();
    for ended in at_once(racers.collect()).await? {
        done.extend(ended?);
    }
    holds(!done.is_empty(), "no commit at all got through")?;
    done.sort();
    let listed = thread.list(None, done.len() + 1).await?;
    let found = listed.iter().rev();
    let found = found.map(|record| (record.id.number(), record.body.clone()));
    let found: Vec<_> = found.collect();
    let gapless = (1..).zip(&found).all(|(n, (id, _))| n == *id);
    holds(
        gapless,
        "the numbers of the checkpoints are not 1, 2, 3 and so on",
    )?;
    equal(
        "the history, against what was said to be written",
        found,
        done,
    )
}

/// What it was told is written: number and body.
async fn push_in<K: Checkpointer>(
    thread: Thread<K>,
    racer: usize,
    n_attempts: usize,
) -> Result<Vec<(u64, String)>, Broken> {
    let mut done = Vec::new();
    for attempt in 0..n_attempts {
        let lease = thread.take_over().await?;
        let mut commit = Model::default().step(&[set("n", attempt)]);
        let checkpoint = &mut commit.checkpoint;
        checkpoint.id = CheckpointId::after(lease.head);
        checkpoint.parent = lease.head;
        checkpoint.line = CheckpointId::from(1);
        checkpoint.body = format!("\"attempt {attempt} of {racer}\"");
        *checkpoint = checkpoint.clone().sealed();
        for record in &mut commit.fields {
            record.checkpoint = checkpoint.id;
            *record = record.clone().sealed();
        }
        let wrote = (checkpoint.id.number(), checkpoint.body.clone());
        match thread.commit(&lease, commit).await {
            Ok(()) => done.push(wrote),
            Err(CheckpointError::Stale) => turn().await,
            Err(other) => return Err(other.into()),
        }
    }
    Ok(done)
}

/// A run writes the results of its tasks as they end.
pub async fn entries_put_at_once_under_one_lease_are_all_there<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let mut written = scene.written("t").await?;
    written.step(&[]).await?;
    let racers = (0..N_RACERS).map(|racer| {
        let (thread, lease) = (written.thread.clone(), written.lease);
        async move {
            for n in 0..10 {
                let result = entry(&format!("review/{racer}"), &format!("once/{n}"), n);
                thread.put(&lease, 1, vec![result]).await?;
            }
            Ok::<(), CheckpointError>(())
        }
    });
    for ended in at_once(racers.collect()).await? {
        ended?;
    }
    for racer in 0..N_RACERS {
        for n in 0..10 {
            let result = entry(&format!("review/{racer}"), &format!("once/{n}"), n);
            written.model.put(1, &[result]);
        }
    }
    written.check().await
}

pub async fn many_threads_are_written_at_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let racers = (0..N_RACERS).map(|racer| {
        let thread = scene.thread(&format!("{racer}"));
        async move {
            let mut written = thread.written().await?;
            for n in 1..=8 {
                written
                    .step(&[set("n", n), add("log", format!("[{n}]"))])
                    .await?;
                written.put(n, vec![entry("plan", "result", racer)]).await?;
            }
            written.check().await
        }
    });
    at_once(racers.collect()).await?.into_iter().collect()
}

pub async fn who_reads_during_writes_sees_whole_checkpoints<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    const N: u64 = 40;
    let written = scene.written("t").await?;
    let thread = written.thread.clone();
    let reads = Arc::new(Reads::default());
    let mut racers: Vec<Pin<Box<dyn Future<Output = Verdict> + Send>>> = Vec::new();
    for _ in 0..3 {
        racers.push(Box::pin(read_whole(thread.clone(), Arc::clone(&reads), N)));
    }
    racers.push(Box::pin(async move {
        let outcome = write_whole(written, &reads, N).await;
        reads.are_over.store(true, Ordering::SeqCst);
        outcome
    }));
    at_once(racers).await?.into_iter().collect()
}

/// How many reads there were, and whether there is nothing new to read.
#[derive(Default)]
struct Reads {
    n: AtomicU64,
    are_over: AtomicBool,
}

/// Goes on whenever somebody has read, so that others are in the midst of it.
async fn write_whole<K: Checkpointer>(mut written: Written<K>, reads: &Reads, n: u64) -> Verdict {
    const MOST_TURNS: usize = 100_000;
    for _ in 0..n {
        let n_reads = reads.n.load(Ordering::SeqCst);
        for _ in 0..MOST_TURNS {
            if reads.n.load(Ordering::SeqCst) > n_reads {
                break;
            }
            turn().await;
        }
        let commit = whole(&written.model);
        written.commit(commit).await?;
    }
    Ok(())
}

/// The model makes the same checkpoints again, so that each is known.
async fn read_whole<K: Checkpointer>(thread: Thread<K>, reads: Arc<Reads>, n: u64) -> Verdict {
    let mut model = Model::default();
    let mut wanted = vec![None];
    for _ in 0..n {
        let commit = whole(&model);
        model.commit(&commit);
        wanted.push(model.head());
    }
    let mut seen = 0;
    loop {
        let last = reads.are_over.load(Ordering::SeqCst);
        let loaded = thread.head().await?;
        reads.n.fetch_add(1, Ordering::SeqCst);
        let head = loaded.as_ref().map(|loaded| loaded.checkpoint.id.number());
        let id = head.unwrap_or(0);
        holds(id >= seen, "the head goes back")?;
        let known = usize::try_from(id).ok().and_then(|at| wanted.get(at));
        let known = known.ok_or_else(|| Broken::new("the head was never written"))?;
        equal("what is read while others write", &loaded, known)?;
        seen = id;
        if last {
            return Ok(());
        }
        turn().await;
    }
}

/// A checkpoint of which each part says which it is.
fn whole(model: &Model) -> Commit {
    let n = model.n_checkpoints() + 1;
    let changes = ["a", "b", "c", "d"].map(|field| set(field, n));
    let mut commit = model.step(&changes);
    commit.drop_entries_of = commit.checkpoint.parent;
    commit.entries = ["plan", "walk", "rest"]
        .map(|task| entry(task, "result", n))
        .into();
    commit
}
