//! Whether the parts of a chain fit together, as far as that can be known before
//! it runs.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use super::ChainError;
use super::chain::{Chain, Running, Step};
use super::plan::{Fields, Plan, PromptPlan, Shape};
use super::prompt::lone;
use super::scope::Scope;
use super::words::{missing, names, nearest};

/// All that is wrong with a chain; see [`Chain::check`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.join("; "))]
pub struct ChainCheckError {
    mistakes: Vec<String>,
}

impl ChainCheckError {
    /// What is wrong, in the order of the steps.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

impl<I: 'static, O> Chain<I, O> {
    /// The chain, if its parts fit together as far as one can know before it runs.
    /// One that was not asked is looked at when it is first run, and then fails
    /// with the same mistakes before its first step.
    ///
    /// That the types fit is known already. Here it is asked whether templates can
    /// be read, whether `parallel!` gives each prompt what it has holes for, and
    /// whether what [`pick`](super::pick()) takes is there. What a map, or a struct
    /// of one's own, holds is known only when the chain runs.
    ///
    /// # Errors
    ///
    /// All mistakes at once, each with the place of the prompt.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{parallel, passthrough, prompt};
    ///
    /// let chain = parallel! { summary: passthrough(), topic: passthrough() }
    ///     | prompt("{topics}: {summary}, {question}");
    /// let chain: superstep::Chain<&str, _> = chain;
    /// let error = chain.check().unwrap_err();
    /// assert!(error.mistakes()[0].ends_with(
    ///     "no value for `question` (message 1, line 1, column 22), \
    ///      `topics` (message 1, line 1, column 1): \
    ///      there is `summary`, `topic`; did you mean `topic` for `topics`?"
    /// ));
    /// ```
    pub fn check(self) -> Result<Self, ChainCheckError> {
        match self.findings() {
            None => Ok(self),
            Some(error) => Err(error.clone()),
        }
    }

    /// What is wrong with it; it is looked for once.
    fn findings(&self) -> Option<&ChainCheckError> {
        let judged = self.judged.get_or_init(|| {
            let mut judge = Judge::default();
            judge.plan(&self.plan, Shape::of::<I>());
            match judge.mistakes.is_empty() {
                true => None,
                false => Some(ChainCheckError {
                    mistakes: judge.mistakes,
                }),
            }
        });
        judged.as_ref()
    }
}

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// What is run: the chain's steps if they are sound, else what tells of its
    /// mistakes.
    pub(super) fn sound(&self) -> Arc<dyn Step<I, O>> {
        match self.findings() {
            None => Arc::clone(&self.step),
            Some(error) => Arc::new(Unsound(error.clone())),
        }
    }
}

struct Unsound(ChainCheckError);

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Unsound {
    fn run<'a>(&'a self, _: I, _: &'a Scope) -> Running<'a, O> {
        let error = ChainError::permanent("check", self.0.clone());
        Box::pin(ready(Err(error)))
    }
}

#[derive(Default)]
struct Judge<'a> {
    mistakes: Vec<String>,
    /// The branches that the part is in.
    inside: Vec<&'a str>,
}

impl<'a> Judge<'a> {
    /// What the part gives for what it is given.
    fn plan(&mut self, plan: &'a Plan, given: Shape) -> Shape {
        match plan {
            Plan::Step { gives, .. } => gives.clone(),
            Plan::Passes { .. } => given,
            Plan::Text { .. } => Shape::Text,
            Plan::Prompt(prompt) => self.prompt(prompt, &given),
            Plan::Pick { name, place } => {
                if let Some(why) = no_field(name, &given) {
                    self.mistake(&format!("`pick` at {place}"), &why);
                }
                Shape::Any
            }
            Plan::Pipe(first, next) => {
                let between = self.plan(first, given);
                self.plan(next, between)
            }
            Plan::Parallel {
                branches,
                gives,
                place,
            } => {
                for (name, branch) in branches {
                    self.within(name, branch, given.clone());
                }
                let fields = branches.iter().map(|(name, _)| (*name).to_owned());
                match (gives, given) {
                    (Fields::OfStruct, _) => Shape::Any,
                    (Fields::Branches, _) => Shape::Record(fields.collect()),
                    (Fields::Beside, Shape::Record(before)) => {
                        Shape::Record(before.into_iter().chain(fields).collect())
                    }
                    (Fields::Beside, Shape::Text) => {
                        let why = "what goes in is text, which has no fields to put others beside";
                        self.mistake(&format!("`assign!` at {place}"), why);
                        Shape::Any
                    }
                    (Fields::Beside, Shape::Any) => Shape::Any,
                }
            }
            Plan::Choice { ways, .. } => {
                let ways = ways.iter();
                let gives = ways.map(|(name, way)| self.within(name, way, given.clone()));
                let mut gives: Vec<Shape> = gives.collect();
                gives.dedup();
                match <[Shape; 1]>::try_from(gives) {
                    Ok([shape]) => shape,
                    Err(_) => Shape::Any,
                }
            }
            Plan::Each(of) => {
                self.plan(of, Shape::Any);
                Shape::Any
            }
            Plan::Policy { of, gives, .. } => {
                let shape = self.plan(of, given);
                gives.clone().unwrap_or(shape)
            }
        }
    }

    fn within(&mut self, name: &'a str, plan: &'a Arc<Plan>, given: Shape) -> Shape {
        self.inside.push(name);
        let shape = self.plan(plan, given);
        self.inside.pop();
        shape
    }

    fn prompt(&mut self, prompt: &PromptPlan, given: &Shape) -> Shape {
        let what = format!("the prompt at {}", prompt.place);
        for mistake in &prompt.mistakes {
            self.mistake(&what, mistake);
        }
        let needs = &prompt.needs;
        match given {
            Shape::Text if needs.len() > 1 => self.mistake(&what, &lone(needs)),
            Shape::Record(fields) => {
                let is_missing = |(name, _): &&(String, String)| !fields.contains(name);
                let lacking: Vec<_> = needs.iter().filter(is_missing).cloned().collect();
                if !lacking.is_empty() {
                    let known: Vec<&str> = fields.iter().map(String::as_str).collect();
                    self.mistake(&what, &missing(&lacking, &known));
                }
            }
            Shape::Text | Shape::Any => {}
        }
        Shape::Any
    }

    fn mistake(&mut self, what: &str, why: &str) {
        let inside = match self.inside.is_empty() {
            true => String::new(),
            false => format!(", in `{}`", self.inside.join(" | ")),
        };
        self.mistakes.push(format!("{what}{inside}: {why}"));
    }
}

/// Why a field cannot be taken, if that is known.
fn no_field(name: &str, given: &Shape) -> Option<String> {
    let fields: &BTreeSet<String> = match given {
        Shape::Any => return None,
        Shape::Text => return Some(format!("there is no `{name}` in what is text")),
        Shape::Record(fields) if fields.contains(name) => return None,
        Shape::Record(fields) => fields,
    };
    let known = fields.iter().map(String::as_str);
    let meant = nearest(name, known.clone()).map(|near| format!("; did you mean `{near}`?"));
    let (known, meant) = (names(known), meant.unwrap_or_default());
    Some(format!("there is no `{name}`; there is {known}{meant}"))
}
