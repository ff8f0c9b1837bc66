//! What the sources of a join came to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{NodeName, TaskId};

/// What a source of a join came to, or one task of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arrival {
    /// It succeeded, and what it wrote is in the state.
    Done,
    /// It failed: the error's message and those of its causes, joined by colons.
    Failed(String),
    /// It had not come when the join's time was over.
    TimedOut,
    /// It was not waited for any more.
    Cancelled,
    /// It could not come any more: a route went elsewhere.
    Skipped,
}

/// As `done`, `failed: no connection`, `timed out`.
impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Skipped => f.write_str("skipped"),
        }
    }
}

/// What the sources of a join came to, as the join's target sees it in
/// [`Ctx::arrivals`](super::Ctx::arrivals).
///
/// The sources are in the order of their names, and the tasks of a worker in the
/// order of their sends. A worker's name stands for all its tasks, and `review/2`
/// for the third of them.
///
/// # Examples
///
/// ```
/// use superstep::{Arrival, Arrivals};
///
/// let arrivals: Arrivals = [
///     ("flights", Arrival::Done),
///     ("hotels", Arrival::Failed("no connection".into())),
///     ("review/0", Arrival::Done),
///     ("review/1", Arrival::TimedOut),
/// ]
/// .into_iter()
/// .collect();
/// assert!(arrivals.is_done("flights"));
/// assert_eq!(arrivals.get("review/0"), Some(&Arrival::Done));
/// assert_eq!(arrivals.get("review"), Some(&Arrival::TimedOut));
/// assert!(arrivals.missing().eq(["hotels", "review"]));
/// assert_eq!(
///     arrivals.to_string(),
///     "flights done, hotels failed: no connection, review/0 done, review/1 timed out"
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arrivals {
    sources: Vec<SourceArrivals>,
}

/// What came of one source; nothing, if the join did not wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceArrivals {
    pub(crate) source: NodeName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tasks: Vec<TaskArrival>,
}

/// What came of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskArrival {
    /// The task's number, if it was a send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) send: Option<u32>,
    pub(crate) came_to: Arrival,
}

impl TaskArrival {
    pub(crate) fn done(send: Option<u32>) -> Self {
        Self {
            send,
            came_to: Arrival::Done,
        }
    }
}

impl SourceArrivals {
    /// What the source as a whole came to: a success if all its tasks were, else
    /// what the first came to that was none.
    fn came_to(&self) -> Option<&Arrival> {
        let mut tasks = self.tasks.iter().map(|task| &task.came_to);
        let first = tasks.next()?;
        match first {
            Arrival::Done => tasks.find(|&came| *came != Arrival::Done).or(Some(first)),
            _ => Some(first),
        }
    }
}

/// How much is known of a source: first, how many of its tasks have ended by
/// themselves; then how many of those with success, were too late, were cancelled,
/// and of how many there is anything to say.
type Known = [usize; 5];

impl SourceArrivals {
    fn knows(&self) -> Known {
        let mut known = [0, 0, 0, 0, self.tasks.len()];
        for task in &self.tasks {
            match task.came_to {
                Arrival::Done => {
                    known[0] += 1;
                    known[1] += 1;
                }
                Arrival::Failed(_) => known[0] += 1,
                Arrival::TimedOut => known[2] += 1,
                Arrival::Cancelled => known[3] += 1,
                Arrival::Skipped => {}
            }
        }
        known
    }
}

/// No arrivals at all.
pub(crate) static NO_ARRIVALS: Arrivals = Arrivals {
    sources: Vec::new(),
};

impl Arrivals {
    pub(crate) fn of(sources: Vec<SourceArrivals>) -> Self {
        Self { sources }
    }

    /// Of each of these a success.
    pub(crate) fn all_done<'n>(sources: impl Iterator<Item = &'n NodeName>) -> Self {
        let sources = sources.map(|source| SourceArrivals {
            source: source.clone(),
            tasks: vec![TaskArrival::done(None)],
        });
        Self::of(sources.collect())
    }

    /// The same, where of these sources, by their places, those sends have come.
    pub(crate) fn with_sends(&self, sent: &[(usize, u32)]) -> Self {
        let mut arrivals = self.clone();
        for &(source, _) in sent {
            arrivals.sources[source].tasks.clear();
        }
        for &(source, send) in sent {
            let tasks = &mut arrivals.sources[source].tasks;
            tasks.push(TaskArrival::done(Some(send)));
        }
        arrivals
    }

    /// The sources of another join into the same node. Of a source that both have,
    /// what the one says that knows more of it.
    pub(crate) fn add(&mut self, more: &Self) {
        for other in &more.sources {
            let at = self
                .sources
                .binary_search_by(|known| known.source.cmp(&other.source));
            match at {
                Ok(at) if other.knows() > self.sources[at].knows() => {
                    self.sources[at].clone_from(other);
                }
                Ok(_) => {}
                Err(at) => self.sources.insert(at, other.clone()),
            }
        }
    }

    pub(crate) fn sources(&self) -> &[SourceArrivals] {
        &self.sources
    }

    /// What the source of that name came to, or the task; `None` if it had not
    /// come, or there is none.
    ///
    /// A worker is done if all its tasks are; else this is what the first came to
    /// that is not.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arrival> {
        if let Some(source) = self.sources.iter().find(|source| source.source == name) {
            return source.came_to();
        }
        let (node, send) = split(name);
        let source = self.sources.iter().find(|source| source.source == node)?;
        let mut tasks = source.tasks.iter();
        let task = tasks.find(|task| task.send.is_some() && task.send == send)?;
        Some(&task.came_to)
    }

    /// Whether the source of that name, or the task, has succeeded.
    #[must_use]
    pub fn is_done(&self, name: &str) -> bool {
        self.get(name) == Some(&Arrival::Done)
    }

    /// Each task that came, or source that did not run, and what it came to.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Arrival)> {
        self.sources.iter().flat_map(|source| {
            source.tasks.iter().map(|task| {
                let node = source.source.clone();
                let send = task.send;
                (TaskId { node, send }, &task.came_to)
            })
        })
    }

    /// The tasks that have succeeded.
    pub fn done(&self) -> impl Iterator<Item = TaskId> {
        let all = self.iter();
        all.filter_map(|(task, came)| (*came == Arrival::Done).then_some(task))
    }

    /// The sources that have not succeeded, for whatever reason.
    pub fn missing(&self) -> impl Iterator<Item = &NodeName> {
        let sources = self.sources.iter();
        let missing = sources.filter(|source| source.came_to() != Some(&Arrival::Done));
        missing.map(|source| &source.source)
    }

    /// Whether nothing has come: it was no join that made the task ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

/// As `a done, b failed: no connection`.
impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (task, came)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{task} {came}")?;
        }
        Ok(())
    }
}

/// The same as [`iter`](Arrivals::iter).
impl<'a> IntoIterator for &'a Arrivals {
    type Item = (TaskId, &'a Arrival);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter().collect::<Vec<_>>().into_iter()
    }
}

/// For `&ctx.arrivals()`, which is a reference already.
impl<'a> IntoIterator for &'a &Arrivals {
    type Item = (TaskId, &'a Arrival);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        (**self).into_iter()
    }
}

/// For tests, and in the order that is given; tasks of a worker one after another.
impl<N: AsRef<str>> FromIterator<(N, Arrival)> for Arrivals {
    fn from_iter<I: IntoIterator<Item = (N, Arrival)>>(arrivals: I) -> Self {
        let mut sources: Vec<SourceArrivals> = Vec::new();
        for (name, came_to) in arrivals {
            let (node, send) = split(name.as_ref());
            let task = TaskArrival { send, came_to };
            match sources.last_mut() {
                Some(last) if last.source == node => last.tasks.push(task),
                _ => sources.push(SourceArrivals {
                    source: node.into(),
                    tasks: vec![task],
                }),
            }
        }
        Self { sources }
    }
}

/// A task's node and its number.
fn split(name: &str) -> (&str, Option<u32>) {
    match name.split_once('/') {
        Some((node, send)) => (node, send.parse().ok()),
        None => (name, None),
    }
}
