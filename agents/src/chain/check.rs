//! Whether the parts of a chain fit together, as far as that can be known before
//! it runs.

use std::future::ready;
use std::sync::Arc;

use superstep_core::CompileError;

use super::ChainError;
use super::chain::{Chain, Running, Step};
use super::plan::{Fields, Plan, PromptPlan, Shape};
use super::prompt::Mistake;
use super::scope::Scope;
use crate::findings::{Findings, Place};

impl<I: 'static, O> Chain<I, O> {
    /// The chain, if its parts fit together as far as one can know before it runs.
    /// One that was not asked is looked at when a graph is compiled that has it in a
    /// [`chain_node`](super::chain_node), or else when it is first run, and then fails
    /// with the same mistakes before its first step.
    ///
    /// That the types fit is known already. Here it is asked whether templates can
    /// be read, whether `parallel!` gives each prompt what it has holes for, and
    /// whether what [`pick`](super::pick()) takes is there. What a map, or a struct
    /// of one's own, holds, and whether a number or a list comes to several holes, is
    /// known only when the chain runs.
    ///
    /// # Errors
    ///
    /// All mistakes at once, each with the place of the prompt, or of what else it is
    /// about.
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
    /// let [question, topics] = error.diagnostics() else { panic!("{error}") };
    /// assert_eq!(question.code(), "unfilled-hole");
    /// assert_eq!(
    ///     question.message(),
    ///     "the prompt gets no value for `question` (message 1, line 1, column 22)"
    /// );
    /// assert_eq!(topics.help(), "did you mean `topic`?");
    /// ```
    pub fn check(self) -> Result<Self, CompileError> {
        match self.mistakes() {
            None => Ok(self),
            Some(error) => Err(error.clone()),
        }
    }

    /// What is wrong with it; it is looked for once.
    pub(super) fn mistakes(&self) -> Option<&CompileError> {
        let judged = self.judged.get_or_init(|| {
            let mut judge = Judge::default();
            judge.plan(&self.plan, Shape::of::<I>());
            judge.findings.error("the chain")
        });
        judged.as_ref()
    }
}

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// What is run: the chain's steps if they are sound, else what tells of its
    /// mistakes.
    pub(super) fn sound(&self) -> Arc<dyn Step<I, O>> {
        match self.mistakes() {
            None => Arc::clone(&self.step),
            Some(error) => Arc::new(Unsound(error.clone())),
        }
    }
}

struct Unsound(CompileError);

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Unsound {
    fn run<'a>(&'a self, _: I, _: &'a Scope) -> Running<'a, O> {
        let error = ChainError::permanent("check", self.0.clone());
        Box::pin(ready(Err(error)))
    }
}

#[derive(Default)]
struct Judge<'a> {
    findings: Findings,
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
                self.pick(place, name, &given);
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
                        self.findings.assign_to_text(place, &self.inside());
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
            Plan::Named { of, .. } => self.plan(of, given),
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
        let (place, inside) = (prompt.place, self.inside());
        for mistake in &prompt.mistakes {
            self.mistake(place, &inside, mistake);
        }
        match given {
            Shape::Text if prompt.needs.len() > 1 => {
                self.findings.holes_for_text(place, &inside, &prompt.needs);
            }
            Shape::Record(fields) => {
                let known: Vec<&str> = fields.iter().map(String::as_str).collect();
                let lacking = prompt.needs.iter();
                for (name, at) in lacking.filter(|(name, _)| !fields.contains(name)) {
                    self.findings
                        .unfilled_hole(place, &inside, (name, at), &known);
                }
            }
            Shape::Text | Shape::Any => {}
        }
        for (name, at) in &prompt.left {
            let would_fill = match given {
                Shape::Text => prompt.is_fixed,
                Shape::Record(fields) => fields.contains(name),
                Shape::Any => false,
            };
            if would_fill {
                self.findings.left_hole(place, &inside, name, at);
            }
        }
        Shape::Any
    }

    fn mistake(&mut self, place: Place, inside: &str, mistake: &Mistake) {
        let findings = &mut self.findings;
        match mistake {
            Mistake::Template { message, why, help } => {
                findings.unreadable_template(place, inside, *message, why, help);
            }
            Mistake::NoHole { name, known } => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                findings.unknown_hole(place, inside, name, &known);
            }
            Mistake::NotJson { name, why } => findings.unwritable_value(place, inside, name, why),
        }
    }

    fn pick(&mut self, place: Place, name: &str, given: &Shape) {
        let inside = self.inside();
        match given {
            Shape::Any => {}
            Shape::Text => self.findings.pick_from_text(place, &inside, name),
            Shape::Record(fields) if fields.contains(name) => {}
            Shape::Record(fields) => {
                let known: Vec<&str> = fields.iter().map(String::as_str).collect();
                self.findings.nothing_to_pick(place, &inside, name, &known);
            }
        }
    }

    /// In which branches the part is.
    fn inside(&self) -> String {
        match self.inside.is_empty() {
            true => String::new(),
            false => format!(" in `{}`", self.inside.join(" | ")),
        }
    }
}
