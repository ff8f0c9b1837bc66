//! A chain: steps that follow each other, with the types of what goes in and
//! what comes out.

use std::fmt;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use superstep_core::{CompileError, NodeResult};

use super::ChainError;
use super::plan::Plan;
use super::scope::{AT_ONCE, Scope};

/// A step at work.
pub(super) type Running<'a, O> = Pin<Box<dyn Future<Output = Result<O, ChainError>> + Send + 'a>>;

/// A step without its type.
pub(super) trait Step<I, O>: Send + Sync {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O>;
}

/// Steps that follow each other: prompts, models, parsers, functions, and chains
/// of these. It takes an `I` and comes to an `O`. Cloning it copies pointers.
///
/// `|` puts a chain together; [`invoke`](Self::invoke) runs it,
/// [`stream`](Self::stream) tells what it comes to piece by piece, and
/// [`batch`](Self::batch) runs it for many inputs. What is wrong with its types
/// does not compile, and what is wrong with its names is told by
/// [`check`](Self::check), and else before the first step runs.
///
/// # Cancel safety
///
/// Dropping what runs it drops all that is at work in it; nothing goes on.
///
/// # Examples
///
/// ```
/// use superstep::{Chain, ScriptedModel, parallel, passthrough, prompt, system, text, user};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new()
///     .on_system("Summarize", "It is large.")
///     .on_system("questions", "How large?")
///     .on_system("Based on", "Space is large, but nobody knows how large.")
///     .model();
///
/// let summary = prompt([system("Summarize the topic:"), user("{topic}")]) | model.clone() | text();
/// let questions = prompt([system("Ask questions:"), user("{topic}")]) | model.clone() | text();
/// let chain = parallel! { summary: summary, questions: questions, topic: passthrough() }
///     | prompt([
///         system("Based on these:\n{summary}\n{questions}"),
///         user("Topic: {topic}"),
///     ])
///     | model
///     | text();
///
/// let chain: Chain<&str, String> = chain.check()?;
/// let answer = chain.invoke("space").await?;
/// assert_eq!(answer, "Space is large, but nobody knows how large.");
/// # Ok(())
/// # }
/// ```
#[must_use = "a chain does nothing until it is invoked"]
pub struct Chain<I, O> {
    pub(super) step: Arc<dyn Step<I, O>>,
    pub(super) plan: Arc<Plan>,
    /// What is wrong with it, once that was looked for.
    pub(super) judged: Arc<OnceLock<Option<CompileError>>>,
    /// How many are at work at once in a call that says nothing else.
    pub(super) at_once: usize,
}

impl<I, O> Chain<I, O> {
    pub(super) fn new(step: impl Step<I, O> + 'static, plan: Arc<Plan>) -> Self {
        Self {
            step: Arc::new(step),
            plan,
            judged: Arc::default(),
            at_once: AT_ONCE,
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// Puts a step behind, as `|` does.
    pub fn pipe<R: IntoChain<O>>(self, next: R) -> Chain<I, R::Output> {
        let next = next.into_chain();
        let plan = Plan::Pipe(Arc::clone(&self.plan), Arc::clone(&next.plan));
        let passes = next.plan.passes_text();
        let pipe = Pipe {
            first: self.step,
            next: next.step,
            passes,
        };
        Chain::new(pipe, Arc::new(plan))
    }

    /// Puts an async function behind; see [`step`].
    pub fn then<T, F, Fut>(self, function: F) -> Chain<I, T>
    where
        T: Send + 'static,
        F: Fn(O) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<T>> + Send + 'static,
    {
        self.pipe(step(function))
    }

    /// Puts a function behind that cannot fail.
    pub fn map<T: Send + 'static>(
        self,
        function: impl Fn(O) -> T + Send + Sync + 'static,
    ) -> Chain<I, T> {
        self.pipe(map(function))
    }

    /// Puts a function behind that is not async, and may fail.
    pub fn try_map<T: Send + 'static>(
        self,
        function: impl Fn(O) -> NodeResult<T> + Send + Sync + 'static,
    ) -> Chain<I, T> {
        self.pipe(Mapped::chain("map", function))
    }

    /// The same chain for what becomes its input by `into`.
    ///
    /// # Examples
    ///
    /// A model with what follows it takes a request; a prompt gives messages:
    ///
    /// ```
    /// use superstep::{ScriptedModel, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new().otherwise("Space.").model();
    /// let ask = model | text();
    /// let chain = prompt("What is {what}?") | ask.takes();
    /// assert_eq!(chain.invoke("it").await?, "Space.");
    /// # Ok(())
    /// # }
    /// ```
    pub fn takes<J: Into<I> + Send + 'static>(self) -> Chain<J, O> {
        let plan = Plan::step::<I>("into");
        let into = Mapped::new("into", |input: J| Ok(input.into()));
        Chain::new(into, plan).pipe(self)
    }

    /// Gives it a name, for errors and drawings.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{NodeResult, step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let count = step(async |text: String| -> NodeResult<usize> { Ok(text.parse()?) });
    /// let error = count.named("count").invoke("x".to_owned()).await.unwrap_err();
    /// assert_eq!(error.to_string(), "`count | step` failed");
    /// # }
    /// ```
    pub fn named(self, name: impl Into<String>) -> Self {
        let name = name.into();
        let plan = Plan::Named {
            name: name.clone(),
            of: self.plan,
        };
        let named = Named {
            name,
            step: self.step,
        };
        Self::new(named, plan.into())
    }
}

/// What can follow in a chain what gives an `I`: prompts, models, parsers,
/// chains.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot follow in a chain what gives `{I}`",
    label = "takes no `{I}`",
    note = "functions follow by `.map(|value| ..)`, and async ones by `.then(async |value| ..)`",
    note = "a prompt gives messages, a model a `ModelResponse`, and `text()` its text"
)]
pub trait IntoChain<I> {
    /// What it comes to.
    type Output: Send + 'static;

    /// The chain.
    fn into_chain(self) -> Chain<I, Self::Output>;
}

#[diagnostic::do_not_recommend]
impl<I: Send + 'static, O: Send + 'static> IntoChain<I> for Chain<I, O> {
    type Output = O;

    fn into_chain(self) -> Self {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<I: Send + 'static, O: Send + 'static> IntoChain<I> for &Chain<I, O> {
    type Output = O;

    fn into_chain(self) -> Chain<I, O> {
        self.clone()
    }
}

/// One step after the other.
struct Pipe<I, M, O> {
    first: Arc<dyn Step<I, M>>,
    next: Arc<dyn Step<M, O>>,
    /// Whether pieces of text that the first tells of are those of the next.
    passes: bool,
}

impl<I: Send + 'static, M: Send + 'static, O: Send + 'static> Step<I, O> for Pipe<I, M, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            if scope.tell().is_none() {
                let between = self.first.run(input, scope).await?;
                return self.next.run(between, scope).await;
            }
            let silent = scope.silent();
            let (of_first, of_next) = match self.passes {
                true => (scope, &silent),
                false => (&silent, scope),
            };
            let between = self.first.run(input, of_first).await?;
            self.next.run(between, of_next).await
        })
    }
}

struct Named<I, O> {
    name: String,
    step: Arc<dyn Step<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Named<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        let running = self.step.run(input, scope);
        Box::pin(async move { running.await.map_err(|error| error.within(&*self.name)) })
    }
}

/// An async function as a chain. Inside of it `?` works on every error; see
/// [`NodeError`](superstep_core::NodeError).
///
/// # Examples
///
/// ```
/// use superstep::step;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let double = step(|text: String| async move { Ok(text.parse::<u32>()? * 2) });
/// assert_eq!(double.invoke("4".to_owned()).await?, 8);
/// # Ok(())
/// # }
/// ```
pub fn step<I, O, F, Fut>(function: F) -> Chain<I, O>
where
    I: Send + 'static,
    O: Send + 'static,
    F: Fn(I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = NodeResult<O>> + Send + 'static,
{
    Chain::new(Function(function, PhantomData), Plan::step::<O>("step"))
}

/// A function that cannot fail as a chain; it is not async.
///
/// # Examples
///
/// ```
/// use superstep::map;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let count = map(|text: &str| text.len());
/// assert_eq!(count.invoke("space").await?, 5);
/// # Ok(())
/// # }
/// ```
pub fn map<I: Send + 'static, O: Send + 'static>(
    function: impl Fn(I) -> O + Send + Sync + 'static,
) -> Chain<I, O> {
    Mapped::chain("map", move |input| Ok(function(input)))
}

/// A chain that gives what it gets.
///
/// # Examples
///
/// ```
/// use superstep::passthrough;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(passthrough().invoke(3).await?, 3);
/// # Ok(())
/// # }
/// ```
pub fn passthrough<I: Send + 'static>() -> Chain<I, I> {
    let plan = Arc::new(Plan::Passes {
        label: "passthrough".to_owned(),
    });
    Chain::new(Mapped::new("passthrough", Ok), plan)
}

/// A chain that gives that value, whatever it gets.
///
/// # Examples
///
/// ```
/// use superstep::{always, parallel, passthrough, prompt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chain = parallel! { topic: passthrough(), language: always("English") }
///     | prompt("Write about {topic} in {language}.");
/// assert_eq!(chain.invoke("space").await?[0].text(), "Write about space in English.");
/// # Ok(())
/// # }
/// ```
pub fn always<I, O>(value: O) -> Chain<I, O>
where
    I: Send + 'static,
    O: Clone + Send + Sync + 'static,
{
    Mapped::chain("always", move |_: I| Ok(value.clone()))
}

struct Function<F, T>(F, PhantomData<fn() -> T>);

impl<I, O, F, Fut> Step<I, O> for Function<F, (I, O)>
where
    I: Send + 'static,
    O: Send + 'static,
    F: Fn(I) -> Fut + Send + Sync,
    Fut: Future<Output = NodeResult<O>> + Send + 'static,
{
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            let _permit = scope.permit().await;
            let ended = scope.told_as((self.0)(input)).await;
            ended.map_err(|error| ChainError::new("step", error))
        })
    }
}

/// A function that is done at once.
pub(super) struct Mapped<F, T> {
    label: &'static str,
    function: F,
    types: PhantomData<fn() -> T>,
}

impl<I, O, F> Mapped<F, (I, O)>
where
    I: Send + 'static,
    O: Send + 'static,
    F: Fn(I) -> NodeResult<O> + Send + Sync + 'static,
{
    pub(super) fn new(label: &'static str, function: F) -> Self {
        Self {
            label,
            function,
            types: PhantomData,
        }
    }

    fn chain(label: &'static str, function: F) -> Chain<I, O> {
        Chain::new(Self::new(label, function), Plan::step::<O>(label))
    }
}

impl<I, O, F> Step<I, O> for Mapped<F, (I, O)>
where
    I: Send + 'static,
    O: Send + 'static,
    F: Fn(I) -> NodeResult<O> + Send + Sync,
{
    fn run<'a>(&'a self, input: I, _: &'a Scope) -> Running<'a, O> {
        let ended = (self.function)(input).map_err(|error| ChainError::new(self.label, error));
        Box::pin(ready(ended))
    }
}

impl<I, O> Clone for Chain<I, O> {
    fn clone(&self) -> Self {
        Self {
            step: Arc::clone(&self.step),
            plan: Arc::clone(&self.plan),
            judged: Arc::clone(&self.judged),
            at_once: self.at_once,
        }
    }
}

/// Its parts, as `prompt | model | text`.
impl<I, O> fmt::Debug for Chain<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({})", self.plan)
    }
}
