//! A set of tools.

use std::fmt;
use std::panic::Location;

use superstep_core::{CompileError, Diagnostic};
use superstep_providers::{ToolSpec, ToolSpecs};

use super::{FromToolCall, IntoTool, Tool};
use crate::findings::Findings;

/// How many calls of a message are at work at once, unless something else is set.
const CONCURRENCY: usize = 16;

/// The longest name of a tool.
pub(crate) const LONGEST_NAME: usize = 64;

/// The tools that a model can ask to be called, and how their calls are run.
///
/// `C` is the context and `S` the state of the graph; both are inferred where the
/// toolbox is given to one.
///
/// # Examples
///
/// ```
/// use superstep::{Toolbox, tool};
///
/// /// Adds two numbers.
/// #[tool]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// /// Says what day it is.
/// #[tool]
/// async fn today() -> String {
///     "Friday".into()
/// }
///
/// let toolbox = Toolbox::<()>::new().add(add).add(today).check()?;
/// let names: Vec<_> = toolbox.specs().into_iter().map(|spec| spec.name).collect();
/// assert_eq!(names, ["add", "today"]);
///
/// let twice = toolbox.add(today).check().unwrap_err();
/// assert_eq!(twice.diagnostics()[0].code(), "duplicate-tool");
/// assert_eq!(twice.diagnostics()[0].message(), "two tools are called `today`");
/// # Ok::<(), superstep::CompileError>(())
/// ```
#[must_use = "a toolbox does nothing until a node runs its tools"]
pub struct Toolbox<C = (), S = ()> {
    pub(super) tools: Vec<Tool<C, S>>,
    /// What a model is told of each.
    specs: ToolSpecs,
    /// Where each was added.
    places: Vec<&'static Location<'static>>,
    findings: Findings,
    pub(super) max_concurrency: usize,
}

impl<C, S> Toolbox<C, S> {
    /// One without tools.
    pub fn new() -> Self {
        Self {
            tools: Vec::new(),
            specs: ToolSpecs::default(),
            places: Vec::new(),
            findings: Findings::default(),
            max_concurrency: CONCURRENCY,
        }
    }

    /// Adds a tool: a function with `#[tool]`, or a [`Tool`].
    #[track_caller]
    #[expect(
        clippy::should_implement_trait,
        reason = "nothing is summed, and it takes a function"
    )]
    pub fn add<M, T>(mut self, tool: T) -> Self
    where
        T: IntoTool<C, S, M>,
        T::Given: FromToolCall<C, S>,
    {
        self.push(tool.into_tool(), Location::caller());
        self
    }

    /// Adds tools.
    #[track_caller]
    pub fn add_all(mut self, tools: impl IntoIterator<Item = Tool<C, S>>) -> Self {
        let place = Location::caller();
        tools.into_iter().for_each(|tool| self.push(tool, place));
        self
    }

    fn push(&mut self, tool: Tool<C, S>, place: &'static Location<'static>) {
        let name = &tool.spec.name;
        if !is_tool_name(name) {
            self.findings.invalid_tool_name(place, name);
        }
        let mut before = self.specs.iter().zip(&self.places);
        if let Some((_, first)) = before.find(|(other, _)| other.name == *name) {
            self.findings.duplicate_tool(place, name, first);
        }
        self.specs.push(ToolSpec::clone(&tool.spec));
        self.tools.push(tool);
        self.places.push(place);
    }

    /// The most calls of a message at work at once; 16 unless it is set, and 0
    /// counts as 1.
    pub fn max_concurrency(mut self, calls: usize) -> Self {
        self.max_concurrency = calls.max(1);
        self
    }

    /// What a model is told of the tools, in the order in which they were added.
    #[must_use]
    pub fn specs(&self) -> ToolSpecs {
        self.specs.clone()
    }

    /// Whether there is no tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The toolbox, if each of its tools can be called by its name. One that was not
    /// asked is looked at when a graph is compiled that has it in a
    /// [`tool_node`](super::tool_node), or else by [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// When two tools have the same name, and when a name is none: it has letters,
    /// digits, `_` and `-`, and at most 64 of them. All that is wrong is told at
    /// once.
    pub fn check(self) -> Result<Self, CompileError> {
        match self.mistakes() {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }

    /// All that is wrong with it.
    pub(crate) fn mistakes(&self) -> Option<CompileError> {
        self.findings.clone().error("the toolbox")
    }

    pub(super) fn find(&self, name: &str) -> Option<&Tool<C, S>> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// What a model is told that has called a tool that is not there.
    pub(super) fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.tools.iter().map(|tool| &*tool.spec.name).collect();
        let nearest = Diagnostic::nearest(name, names.iter().copied());
        let meant = nearest.map(|near| format!("; did you mean `{near}`?"));
        let meant = meant.unwrap_or_default();
        let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        match quoted.is_empty() {
            true => format!("there is no tool `{name}`, nor any other"),
            false => format!(
                "there is no tool `{name}`, but {}{meant}",
                quoted.join(", ")
            ),
        }
    }
}

/// Whether providers take it as the name of a tool.
pub(crate) fn is_tool_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_part)
}

impl<C, S> Default for Toolbox<C, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, S> Clone for Toolbox<C, S> {
    fn clone(&self) -> Self {
        Self {
            tools: self.tools.clone(),
            specs: self.specs.clone(),
            findings: self.findings.clone(),
            places: self.places.clone(),
            max_concurrency: self.max_concurrency,
        }
    }
}

impl<C, S> fmt::Debug for Toolbox<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox")
            .field("tools", &self.tools)
            .field("max_concurrency", &self.max_concurrency)
            .finish_non_exhaustive()
    }
}
