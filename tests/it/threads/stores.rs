//! Stores that fail in the middle of things.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, Durability,
    EntryRecord, FieldRecord, Graph, Lease, Loaded, MemoryCheckpointer, NodeError, RunError,
    ThreadId,
};
use tokio::time::sleep;

use super::T;
use crate::common::{Alive, Trace, chain, sound, within_a_day};

/// What does not work at present.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    Commits,
    Entries,
    Renewals,
}

/// Threads in memory, in a store that can be broken and mended.
#[derive(Clone)]
struct Fragile {
    inner: MemoryCheckpointer,
    broken: Arc<Mutex<Broken>>,
}

impl Fragile {
    fn new(broken: Broken) -> Self {
        Self {
            inner: MemoryCheckpointer::new(),
            broken: Arc::new(Mutex::new(broken)),
        }
    }

    fn fails(&self, what: Broken) -> Result<(), CheckpointError> {
        if *self.broken.lock().unwrap() == what {
            return Err(CheckpointError::store("no space left on the disk"));
        }
        Ok(())
    }
}

impl Checkpointer for Fragile {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        self.inner.acquire(thread, claim).await
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        self.fails(Broken::Renewals)?;
        self.inner.renew(thread, lease, lasts).await
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.inner.release(thread, lease).await
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        if commit.checkpoint.id > CheckpointId::from(1) {
            self.fails(Broken::Commits)?;
        }
        self.inner.commit(thread, lease, commit).await
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        self.fails(Broken::Entries)?;
        self.inner
            .put_entries(thread, lease, checkpoint, entries)
            .await
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        self.inner.load(thread, checkpoint).await
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        self.inner.list(thread, before, limit).await
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        self.inner.changes(thread, checkpoint).await
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        self.inner.threads(after, limit).await
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        self.inner.copy(from, to).await
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.inner.delete(thread, lease).await
    }
}

/// Quick ones, slow ones and one that ends never; each says its name.
fn graph(store: &Fragile) -> Graph<Trace, Alive> {
    sound(
        StateGraph::<Trace, Alive>::new("test")
            .add_node("quick", async |ctx: Ctx<Alive>| {
                let _guard = ctx.enter();
                Trace::update().log("quick")
            })
            .add_node("slow", async |ctx: Ctx<Alive>| {
                let _guard = ctx.enter();
                sleep(Duration::from_secs(60)).await;
                Trace::update().log("slow")
            })
            .add_node("end", async |_: View<Trace>| Trace::update().log("end"))
            .add_edge(START, ["quick", "slow"])
            .add_edge(["quick", "slow"], "end")
            .checkpointer(store.clone()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_ends_the_run_with_nothing_alive_and_it_goes_on_later() {
    for broken in [Broken::Entries, Broken::Renewals, Broken::Commits] {
        for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
            let (store, alive) = (Fragile::new(broken), Alive::default());
            let graph = graph(&store);
            let run = graph
                .invoke(Trace::update())
                .thread(T)
                .durability(durability);
            let ended = within_a_day(run.context(alive.clone())).await;
            assert_eq!(alive.now(), 0);
            // At exit nothing is written before the end, where this store works.
            let works = durability == Durability::Exit && broken != Broken::Renewals;
            assert_eq!(ended.is_ok(), works);
            if let Err(error) = &ended {
                assert!(matches!(error, RunError::Checkpoint { .. }), "{error:?}");
                assert_eq!(
                    chain(error),
                    [
                        "thread `t` could not be read or written",
                        "the store failed",
                        "no space left on the disk",
                    ]
                );
            }
            *store.broken.lock().unwrap() = Broken::Nothing;
            let state = match graph.proceed().thread(T).context(alive.clone()).await {
                Ok(run) => run.state,
                // At exit, nothing was there yet.
                Err(error) => {
                    assert!(durability == Durability::Exit, "{error:?}");
                    assert_eq!(error.code(), "unknown-thread");
                    let run = graph.invoke(Trace::update()).thread(T).context(alive);
                    run.await.unwrap().state
                }
            };
            assert_eq!(state.log, ["quick", "slow", "end"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_can_be_left() {
    #[derive(Default)]
    struct Hangs(Alive);
    let store = MemoryCheckpointer::new();
    let graph = sound(
        StateGraph::<Trace, Hangs>::new("test")
            .add_node("hangs", async |ctx: Ctx<Hangs>| {
                let _guard = ctx.0.enter();
                pending::<()>().await;
                Ok::<_, NodeError>(())
            })
            .add_node("too", async |ctx: Ctx<Hangs>| {
                let _guard = ctx.0.enter();
                pending::<()>().await;
            })
            .add_edge(START, ["hangs", "too"])
            .checkpointer(store),
    );
    let context = Arc::new(Hangs::default());
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&context));
    let ended = tokio::time::timeout(Duration::from_secs(100), run).await;
    assert!(ended.is_err());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((context.0.now(), context.0.ever()), (0, 2));
    let free = graph.thread(T).update(Trace::update().n(1)).await;
    assert_eq!(free.unwrap().values.n, 1, "the lease was given back");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_of_a_checkpoint_that_could_not_be() {
    for durability in [Durability::Sync, Durability::Async] {
        let store = Fragile::new(Broken::Commits);
        let graph = sound(
            StateGraph::<Trace>::new("test")
                .add_node("again", async |_: View<Trace>| Trace::update().log("again"))
                .add_node("slow", async |_: View<Trace>| {
                    sleep(Duration::from_secs(1)).await;
                })
                .add_edge(START, "again")
                .add_conditional_edges(
                    "again",
                    |state: &Trace| match state.log.len() {
                        1 => vec!["again", "slow"],
                        _ => vec![END],
                    },
                    ["again", "slow", END],
                )
                .checkpointer(store.clone()),
        );
        let run = graph.invoke(Trace::update()).thread(T);
        let error = run.durability(durability).await.unwrap_err();
        assert_eq!(error.code(), "checkpoint");
        *store.broken.lock().unwrap() = Broken::Nothing;
        graph
            .proceed()
            .thread(T)
            .interrupt_before("slow")
            .await
            .unwrap();
        let snapshot = graph.thread(T).state().await.unwrap();
        assert_eq!(snapshot.next, ["again", "slow"], "{durability:?}");
        let run = graph.proceed().thread(T).await.unwrap();
        assert_eq!(run.state.log, ["again", "again"]);
    }
}
