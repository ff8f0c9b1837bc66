//! What a task has on its desk beside its input: answers to the questions it
//! asks, and what effects came to that are not to happen twice.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

use super::{BoxFuture, Budget, Failure, Pulse};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why [`Ctx::interrupt`](super::Ctx::interrupt) has no answer.
///
/// Hand it on with `?`: it ends the body, and pauses the task until somebody
/// resumes the thread. Whether a task pauses does not depend on it; one that
/// keeps it to itself and succeeds has failed, and so has one that ends with
/// [`NodeError::despite_questions`](super::NodeError::despite_questions).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Interrupted(pub(super) String);

/// A question by its name, and how often the name was asked before in its task.
pub(crate) type QuestionKey = (String, u32);

/// A question that has no answer yet.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) key: QuestionKey,
    pub(crate) value: Value,
    /// Says why an answer is not of the type that was asked for.
    pub(crate) check: fn(&Value) -> Result<(), String>,
}

/// Makes what an effect came to outlast the process.
pub(crate) trait Keep: Send + Sync {
    /// Sends it on its way, under a number.
    fn keep(&self, key: &str, json: String) -> u64;

    /// Ends when what has that number outlasts the process.
    fn kept(&self, number: u64) -> BoxFuture<Result<(), BoxError>>;
}

/// Ends when what an effect came to outlasts the process.
type Kept = BoxFuture<Result<(), BoxError>>;

/// One task's, over all its attempts, or a call's, which has the task's papers
/// and something of its own. The default has no thread to wait on.
#[derive(Default)]
pub(crate) struct Desk {
    /// The desk whose papers are also this one's, and all that it has itself.
    of: Option<Arc<Self>>,
    /// Where somebody watches whether the body is alive.
    pub(crate) pulse: Option<Pulse>,
    /// Whether another call may be at work beside this one.
    hedged: bool,
    /// Whether what the call comes to is wanted no more.
    cancelled: AtomicBool,
    /// Rings then, for a function on a thread of its own.
    rings: Option<Notify>,
    /// How many names of things the call has made.
    made: AtomicU32,
    /// What a fallback is called for.
    pub(super) failure: Option<Failure>,
    answers: BTreeMap<QuestionKey, Value>,
    /// Nothing, where there is no thread to wait on.
    keep: Option<Box<dyn Keep>>,
    /// What names the task among all tasks of all threads.
    place: String,
    /// What the run may use.
    budget: OnceLock<Budget>,
    papers: Mutex<Papers>,
}

#[derive(Default)]
struct Papers {
    /// How often each name was asked in this attempt.
    asked: BTreeMap<String, u32>,
    open: Vec<Question>,
    /// An answer that is not what was asked for.
    wrong: Option<WrongAnswer>,
    /// What effects came to.
    once: BTreeMap<String, Once>,
}

/// What an effect came to.
struct Once {
    json: String,
    /// That under which it is kept, if it was not known before.
    number: Option<u64>,
}

/// An answer that is not of the type that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct WrongAnswer {
    pub(crate) key: QuestionKey,
    pub(crate) why: String,
}

/// What a body asked that ended.
pub(crate) enum Asked {
    /// Nothing that is open.
    Nothing,
    Open(Vec<Question>),
    Wrong(WrongAnswer),
}

impl Desk {
    pub(crate) fn new(
        answers: BTreeMap<QuestionKey, Value>,
        once: BTreeMap<String, String>,
        keep: Option<Box<dyn Keep>>,
        place: String,
    ) -> Self {
        let known = |(key, json)| (key, Once { json, number: None });
        let once = once.into_iter().map(known).collect();
        Self {
            answers,
            keep,
            place,
            papers: Mutex::new(Papers {
                once,
                ..Papers::default()
            }),
            ..Self::default()
        }
    }

    /// One for a call, with what another desk has.
    pub(crate) fn on(of: Option<&Arc<Self>>) -> Self {
        Self {
            of: of.map(Arc::clone),
            ..Self::default()
        }
    }

    /// One of a call that may be made twice at once.
    pub(crate) fn hedged(of: Option<&Arc<Self>>) -> Self {
        Self {
            hedged: true,
            ..Self::on(of)
        }
    }

    /// One of a function on a thread of its own.
    pub(super) fn on_thread(of: Option<&Arc<Self>>) -> Self {
        Self {
            rings: Some(Notify::new()),
            ..Self::on(of)
        }
    }

    /// A fallback's.
    pub(crate) fn after(of: Option<&Arc<Self>>, failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::on(of)
        }
    }

    pub(super) fn is_hedged(&self) -> bool {
        self.all().any(|desk| desk.hedged)
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(rings) = &self.rings {
            rings.notify_waiters();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.all().any(|desk| desk.cancelled.load(Ordering::SeqCst))
    }

    /// What rings when the call is cancelled, if it may block its thread until
    /// then.
    pub(crate) fn rings(&self) -> Option<&Notify> {
        self.rings.as_ref()
    }

    pub(super) fn failure(&self) -> Option<&Failure> {
        self.all().find_map(|desk| desk.failure.as_ref())
    }

    /// This desk, and those that it is made on.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |desk| desk.of.as_deref())
    }

    /// The one with the task's papers.
    fn task(&self) -> &Self {
        self.all().last().unwrap_or(self)
    }

    /// A sign of life.
    pub(super) fn beat(&self) {
        let pulses = self.all().filter_map(|desk| desk.pulse.as_ref());
        pulses.for_each(Pulse::beat);
    }

    /// One whose answers are given, and which keeps nothing.
    pub(super) fn for_a_test(answers: BTreeMap<QuestionKey, Value>) -> Self {
        struct Nowhere;

        impl Keep for Nowhere {
            fn keep(&self, _: &str, _: String) -> u64 {
                0
            }

            fn kept(&self, _: u64) -> BoxFuture<Result<(), BoxError>> {
                Box::pin(std::future::ready(Ok(())))
            }
        }

        let place = "test".to_owned();
        Self::new(answers, BTreeMap::new(), Some(Box::new(Nowhere)), place)
    }

    pub(super) fn answers(&self) -> &BTreeMap<QuestionKey, Value> {
        &self.task().answers
    }

    /// A name for something that the task does, the same whenever it runs again.
    pub(super) fn key_for(&self, key: &str) -> String {
        format!("{}/{key}", self.task().place)
    }

    /// A name for one of several things that the call makes, the same whenever it is
    /// made again.
    pub(super) fn unique_key(&self, what: &str) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.key_for(&format!("{what}/{number}"))
    }

    /// Whether there is a thread that can wait for an answer.
    pub(super) fn waits(&self) -> bool {
        self.task().keep.is_some()
    }

    /// Asks: the answer if there is one, else the question is open.
    pub(super) fn ask(
        &self,
        name: &str,
        value: Value,
        check: fn(&Value) -> Result<(), String>,
    ) -> Option<Value> {
        let task = self.task();
        let mut papers = task.papers.lock();
        let number = papers.asked.entry(name.to_owned()).or_default();
        let key = (name.to_owned(), *number);
        *number += 1;
        let Some(answer) = task.answers.get(&key) else {
            papers.open.push(Question { key, value, check });
            return None;
        };
        if let Err(why) = check(answer) {
            papers.wrong.get_or_insert(WrongAnswer { key, why });
            return None;
        }
        Some(answer.clone())
    }

    /// Lays the run's budget on it.
    pub(crate) fn lend(&self, budget: &Budget) {
        self.task().budget.get_or_init(|| budget.clone());
    }

    pub(super) fn budget(&self) -> Option<&Budget> {
        self.task().budget.get()
    }

    /// A body begins.
    pub(crate) fn begin_attempt(&self) {
        self.made.store(0, Ordering::Relaxed);
        let mut papers = self.task().papers.lock();
        papers.asked.clear();
        papers.open.clear();
    }

    /// What the body asked that has just ended.
    pub(crate) fn asked(&self) -> Asked {
        let papers = self.task().papers.lock();
        match &papers.wrong {
            Some(wrong) => Asked::Wrong(wrong.clone()),
            None if papers.open.is_empty() => Asked::Nothing,
            None => Asked::Open(papers.open.clone()),
        }
    }

    /// What an effect came to that has happened, as JSON. It may still be on its
    /// way: whoever waited for that may have been dropped.
    pub(super) fn done_once(&self, key: &str) -> Option<(String, Option<Kept>)> {
        let task = self.task();
        let papers = task.papers.lock();
        let Once { json, number } = papers.once.get(key)?;
        Some((json.clone(), task.kept(*number)))
    }

    pub(super) fn keep_once(&self, key: &str, json: String) -> Option<Kept> {
        let task = self.task();
        let keep = task.keep.as_ref();
        let number = keep.map(|keep| keep.keep(key, json.clone()));
        let once = Once { json, number };
        task.papers.lock().once.insert(key.to_owned(), once);
        task.kept(number)
    }

    fn kept(&self, number: Option<u64>) -> Option<Kept> {
        Some(self.keep.as_ref()?.kept(number?))
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}
