//! What the same work costs by hand: the state behind an `Arc`, boxed async
//! closures that get a snapshot and return an update, the update applied.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The state of all workloads, for both sides: that of the README's graph.
#[derive(superstep::State, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Research {
    pub(crate) topic: String,
    #[reduce(superstep::Append)]
    pub(crate) findings: Vec<String>,
    #[reduce(superstep::Sum)]
    pub(crate) tokens: u64,
    pub(crate) answer: Option<String>,
}

/// The update of hand-written code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) topic: Option<String>,
    pub(crate) findings: Option<Vec<String>>,
    pub(crate) tokens: Option<u64>,
    pub(crate) answer: Option<Option<String>>,
}

impl Change {
    /// An update that counts tokens.
    pub(crate) fn tokens(tokens: u64) -> Self {
        Self {
            tokens: Some(tokens),
            ..Self::default()
        }
    }

    /// An update that appends a finding.
    pub(crate) fn finding(finding: String) -> Self {
        Self {
            findings: Some(vec![finding]),
            ..Self::default()
        }
    }

    fn apply(self, state: &mut Research) {
        if let Some(topic) = self.topic {
            state.topic = topic;
        }
        if let Some(findings) = self.findings {
            state.findings.extend(findings);
        }
        if let Some(tokens) = self.tokens {
            state.tokens += tokens;
        }
        if let Some(answer) = self.answer {
            state.answer = answer;
        }
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type Node = Arc<dyn Fn(Arc<Research>) -> Boxed<Change> + Send + Sync>;
pub(crate) type SentNode = Arc<dyn Fn(String) -> Boxed<Change> + Send + Sync>;

pub(crate) fn node<F, Fut>(function: F) -> Node
where
    F: Fn(Arc<Research>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Change> + Send + 'static,
{
    Arc::new(move |state| Box::pin(function(state)))
}

/// One node after another, each once.
pub(crate) async fn inline(nodes: &[Node]) -> Arc<Research> {
    let mut state = Arc::new(Research::default());
    for node in nodes {
        let change = node(Arc::clone(&state)).await;
        change.apply(Arc::make_mut(&mut state));
    }
    state
}

/// Two nodes in turns, until the count is reached.
pub(crate) async fn inline_loop(nodes: &[Node; 2], until: u64) -> Arc<Research> {
    let mut state = Arc::new(Research::default());
    loop {
        for node in nodes {
            let change = node(Arc::clone(&state)).await;
            change.apply(Arc::make_mut(&mut state));
        }
        if state.tokens >= until {
            return state;
        }
    }
}

/// What is told of a hand-written loop: where, when and what.
#[expect(dead_code, reason = "it is what a reader would look at")]
pub(crate) struct Told {
    superstep: u64,
    node: Option<usize>,
    elapsed: Duration,
    kind: ToldKind,
}

/// As the events of a run.
#[expect(dead_code, reason = "it is what a reader would look at")]
enum ToldKind {
    SuperstepStarted,
    TaskStarted,
    TaskFinished(Arc<Change>),
    Routed(usize),
    SuperstepFinished(Arc<Research>),
}

/// As [`inline_loop`], with each step told over a bounded channel and read.
pub(crate) async fn told_loop(nodes: &[Node; 2], until: u64, see: impl Fn(Told)) {
    let (sender, mut told) = mpsc::channel(1024);
    let begun = Instant::now();
    let runs = async move {
        let mut state = Arc::new(Research::default());
        for superstep in 0.. {
            let at = usize::from(superstep % 2 == 1);
            let (begins, node) = (begun.elapsed(), Some(at));
            let tell = async |node, elapsed, kind| {
                let told = Told {
                    superstep,
                    node,
                    elapsed,
                    kind,
                };
                sender.send(told).await.is_ok()
            };
            tell(None, begins, ToldKind::SuperstepStarted).await;
            tell(node, begins, ToldKind::TaskStarted).await;
            let change = nodes[at](Arc::clone(&state)).await;
            let ends = begun.elapsed();
            tell(node, ends, ToldKind::TaskFinished(Arc::new(change.clone()))).await;
            change.apply(Arc::make_mut(&mut state));
            tell(node, ends, ToldKind::Routed(1 - at)).await;
            tell(None, ends, ToldKind::SuperstepFinished(Arc::clone(&state))).await;
            if state.tokens >= until {
                return;
            }
        }
    };
    let reads = async {
        while let Some(event) = told.recv().await {
            see(event);
        }
    };
    tokio::join!(runs, reads);
}

/// All nodes at once, a spawn for each, merged in order.
pub(crate) async fn spawn(nodes: &[Node]) -> Arc<Research> {
    let mut state = Arc::new(Research::default());
    let mut set = JoinSet::new();
    for (index, node) in nodes.iter().enumerate() {
        let future = node(Arc::clone(&state));
        set.spawn(async move { (index, future.await) });
    }
    let mut changes: Vec<Option<Change>> = Vec::new();
    changes.resize_with(nodes.len(), || None);
    while let Some(joined) = set.join_next().await {
        if let Ok((index, change)) = joined {
            changes[index] = Some(change);
        }
    }
    let merged = Arc::make_mut(&mut state);
    for change in changes.into_iter().flatten() {
        change.apply(merged);
    }
    state
}

/// All inputs at once, in a few spawned batches for each core.
pub(crate) async fn chunked(node: &SentNode, inputs: Vec<String>, cores: usize) -> Research {
    let size = inputs.len().div_ceil(cores * 4);
    let mut set = JoinSet::new();
    for (index, chunk) in inputs.chunks(size).enumerate() {
        let (node, chunk) = (Arc::clone(node), chunk.to_vec());
        set.spawn(async move {
            let mut changes = Vec::with_capacity(chunk.len());
            for input in chunk {
                changes.push(node(input).await);
            }
            (index, changes)
        });
    }
    let mut chunks = set.join_all().await;
    chunks.sort_by_key(|&(index, _)| index);
    let mut state = Research::default();
    for change in chunks.into_iter().flat_map(|(_, changes)| changes) {
        change.apply(&mut state);
    }
    state
}
