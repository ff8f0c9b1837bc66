//! A graph that is a node, from where it has begun to its end.

use std::sync::Arc;

use super::drive::{Progress, guarded};
use super::error::RunError;
use super::nest::Nest;
use super::stop::RunControl;
use super::thread::{InsideEnd, InsideLedger, PausedInside};
use crate::node::{Mark, NodeError, Place, Target};
use crate::state::State;

/// A run inside another.
#[derive(Debug)]
pub(super) struct Nested<S: State> {
    /// What it has written, if that is handed on, or remembered.
    pub(super) handed: Option<S::Update>,
    /// Whether it begins from what its parent's task sees.
    of_parent: bool,
    /// Where it goes in the parent graph, if a command says so.
    pub(super) leave: Option<Vec<Target>>,
}

impl<S: State> Nested<S> {
    /// `hands` says whether what it writes is handed on.
    pub(super) fn new(hands: bool) -> Self {
        Self {
            handed: hands.then(S::Update::default),
            of_parent: hands,
            leave: None,
        }
    }

    /// Takes the targets out that are for the parent.
    pub(super) fn take_leave(&mut self, targets: &mut Vec<Target>) {
        let is_parents = |target: &mut Target| matches!(target, Target::Parent(_));
        for target in targets.extract_if(.., is_parents) {
            if let Target::Parent(targets) = target {
                self.leave.get_or_insert_default().extend(targets);
            }
        }
    }
}

impl<S: State, C> Progress<'_, S, C> {
    /// Whether it begins from what its parent's task sees.
    pub(super) fn begins_from_parent(&self) -> bool {
        let nested = self.nested.as_ref();
        nested.is_some_and(|nested| nested.of_parent)
    }

    /// Keeps what its tasks write, for [`take_collected`](Self::take_collected).
    pub(super) fn collects(&mut self) {
        if let Some(nested) = &mut self.nested {
            nested.handed = Some(S::Update::default());
        }
    }

    pub(super) fn take_collected(&mut self) -> Option<S::Update> {
        self.nested.as_mut()?.handed.take()
    }

    /// Whether a command has left the graph for its parent.
    #[inline]
    pub(super) fn leaves(&self) -> bool {
        let nested = self.nested.as_ref();
        nested.is_some_and(|nested| nested.leave.is_some())
    }
}

/// A graph in a task, of which it is noted when its tasks were at work, however it
/// ends: also if it is dropped.
struct Noting<'n, 'h, S: State, C: Send + Sync + 'static> {
    progress: Option<Progress<'h, S, C>>,
    nest: &'n Nest,
    place: Place,
}

impl<'h, S: State, C: Send + Sync + 'static> Noting<'_, 'h, S, C> {
    fn progress(&mut self) -> &mut Progress<'h, S, C> {
        self.progress.as_mut().expect("it is there until the end")
    }

    fn ends(&mut self) -> Option<Progress<'h, S, C>> {
        let mut progress = self.progress.take()?;
        self.nest.note(self.place, progress.times());
        Some(progress)
    }
}

impl<S: State, C: Send + Sync + 'static> Drop for Noting<'_, '_, S, C> {
    fn drop(&mut self) {
        drop(self.ends());
    }
}

/// Runs a graph that has begun to its end.
pub(super) async fn go<'h, S: State, C: Send + Sync + 'static>(
    (nest, place): (Arc<Nest>, Place),
    progress: Progress<'h, S, C>,
    ledger: Option<&InsideLedger>,
    mut input: S::Update,
) -> Result<Progress<'h, S, C>, NodeError> {
    let tracer = progress.shared.tracer.clone();
    let mut noting = Noting {
        progress: Some(progress),
        nest: &nest,
        place,
    };
    let progress = noting.progress();
    let runs = async {
        match ledger {
            None => progress.run(input).await.map_err(of_parent)?,
            Some(ledger) => {
                let outer = |levels: usize, name: &str| nest.worker(levels, name);
                let control = nest.control_in(place);
                let drains = || control.is_some_and(RunControl::is_draining);
                let work = progress.go_inside(&mut input, ledger, &outer, &drains);
                let ended = guarded(work).await;
                let ended = ended.unwrap_or_else(|panic| Err(progress.panicked(&*panic)));
                match ended.map_err(of_parent)? {
                    InsideEnd::Done => {}
                    InsideEnd::Paused => return Err(PausedInside.into()),
                }
            }
        }
        Ok(())
    };
    tracer.around_inside(runs).await?;
    nest.ends(place, ledger, noting.progress().starved()?);
    Ok(noting.ends().expect("it ends once"))
}

/// The error of the parent's task. What was said of the error inside, that it is
/// permanent or asks for a wait, is said of this.
fn of_parent(mut error: RunError) -> NodeError {
    let mark = match &mut error {
        RunError::Node { source, .. } => Mark::take(source),
        _ => None,
    };
    NodeError::from(error).with_mark(mark)
}

/// What a run inside another came to.
pub(super) struct Ended<S: State> {
    pub(super) state: Arc<S>,
    pub(super) handed: Option<S::Update>,
    pub(super) targets: Vec<Target>,
}

impl<S: State> Ended<S> {
    pub(super) fn of<C>(mut progress: Progress<'_, S, C>) -> Self {
        let nested = progress.nested.take();
        let (handed, leave) = nested.map_or((None, None), |nested| (nested.handed, nested.leave));
        Self {
            state: progress.state,
            handed,
            targets: leave.unwrap_or_default(),
        }
    }
}
