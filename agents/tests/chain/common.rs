//! The chain that all of it began with, and what counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::{
    Chain, Model, ModelRequest, NodeResult, Reply, Role, ScriptedModel, parallel, passthrough,
    prompt, step, system, text, user,
};

/// A model that answers each of the four prompts.
pub(crate) fn scripted() -> ScriptedModel {
    ScriptedModel::new()
        .on_system(
            "Summarize",
            Reply::with(|request| format!("SUMMARY({})", said(request))),
        )
        .on_system(
            "questions",
            Reply::with(|request| format!("1. Q1({})? 2. Q2?", said(request))),
        )
        .on_system("key terms", "alpha, beta, gamma")
        .on_system(
            "Based on",
            Reply::with(|request| format!("SYNTHESIS[{}]", of_system(request))),
        )
}

/// What the user says in the request.
fn said(request: &ModelRequest) -> String {
    request
        .messages
        .last()
        .map(|message| message.text())
        .unwrap_or_default()
}

fn of_system(request: &ModelRequest) -> String {
    let system = request
        .messages
        .iter()
        .find(|message| message.role == Role::System);
    system.map(|message| message.text()).unwrap_or_default()
}

/// Summary, questions and terms at once, and a synthesis of these.
pub(crate) fn seed(model: &Model) -> Chain<&'static str, String> {
    let of = |words: &str| prompt([system(words), user("{topic}")]) | model.clone() | text();
    let branches = parallel! {
        summary: of("Summarize the following topic concisely:"),
        questions: of("Generate three interesting questions about the following topic:"),
        terms: of("Identify 5-10 key terms of the following topic, separated by commas:"),
        topic: passthrough(),
    };
    let synthesis = prompt([
        system(
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {terms}\nSynthesize a comprehensive answer.",
        ),
        user("Original topic: {topic}"),
    ]);
    branches | synthesis | model | text()
}

/// How many are at work, and the most there were.
#[derive(Clone, Default)]
pub(crate) struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

/// One that is at work.
pub(crate) struct AtWork(Gauge);

impl Gauge {
    pub(crate) fn enter(&self) -> AtWork {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        AtWork(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    /// A step that takes so long, and comes to what it gets.
    pub(crate) fn sleeper<T: Send + 'static>(&self, ms: u64) -> Chain<T, T> {
        let gauge = self.clone();
        step(move |value: T| {
            let gauge = gauge.clone();
            async move {
                let _at_work = gauge.enter();
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(value)
            }
        })
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A step that fails after so long.
pub(crate) fn fails<I: Send + 'static>(ms: u64, why: &'static str) -> Chain<I, String> {
    step(move |_: I| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let failed: NodeResult<String> = Err(why.into());
        failed
    })
}

/// An error and its causes.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
