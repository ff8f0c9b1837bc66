//! Branches that get the same input and are at work at once.
//!
//! 1. Each branch gets a clone of the input. They are at work at the same time, as
//!    futures of one task.
//! 2. When one fails, the others are dropped, and the error says which it was.
//! 3. What they come to is a record with a typed field for each, in the order in
//!    which they are declared.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;

use super::ChainError;
use super::chain::{Chain, IntoChain, Running, Step};
use super::plan::{Fields, Plan};
use super::record::plain;
use super::scope::Scope;

/// Branches that get the same input and are at work at once:
/// `parallel! { summary: chain, topic: passthrough() }`.
///
/// It is a [`Chain`](crate::Chain) that comes to a record with a field for each
/// branch, as `record.summary`. The record is `Serialize`, with its fields in the
/// order of the branches, and fills a prompt's holes by name. With the name of a
/// struct in front, `parallel!(Research { summary: .., topic: .. })`, it comes to
/// that struct, all of whose fields are branches. Where a statement begins with it,
/// write it with round brackets: the compiler takes `parallel! { .. }` there for a
/// statement by itself.
///
/// Each branch gets a clone of what goes in. When one fails, the others are
/// dropped at once; `.settle()` on a branch makes its failure a value, and
/// `.timeout(..)`, `.retry(..)` and `.fallback(..)` are policies of one branch.
///
/// # Examples
///
/// ```
/// use superstep::{map, parallel, passthrough};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chain = parallel! {
///     length: map(|text: &str| text.len()),
///     text: passthrough(),
/// };
/// let record = chain.invoke("space").await?;
/// assert_eq!((record.length, record.text), (5, "space"));
/// assert_eq!(serde_json::to_string(&record)?, r#"{"length":5,"text":"space"}"#);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! parallel {
    ($($name:ident: $branch:expr),+ $(,)?) => {
        // The branches stand outside of the block, in which there is a `Record`.
        match ($($branch,)+) {
            ($($name,)+) => {
                $crate::__record! { [] $($name)+ }
                $crate::__private::parallel(
                    &[$(stringify!($name)),+],
                    $crate::__nested!($($name)+),
                    |$crate::__nested!($($name)+)| Record { $($name),+ },
                )
            }
        }
    };
    ($($record:ident)::+ { $($name:ident: $branch:expr),+ $(,)? }) => {
        match ($($branch,)+) {
            ($($name,)+) => $crate::__private::parallel_of_struct(
                &[$(stringify!($name)),+],
                $crate::__nested!($($name)+),
                |$crate::__nested!($($name)+)| $($record)::+ { $($name),+ },
            )
        }
    };
}

/// Branches whose fields are put beside those of what goes in:
/// `assign! { summary: chain }`.
///
/// What goes in is a record, a map, or what else serde writes with fields. It
/// stays as it is: what comes out derefs to it, so that `record.topic` is the
/// input's field and `record.summary` the new one. As JSON it has the fields of
/// both; a new field stands for one of the input that has its name. Otherwise it
/// is as [`parallel!`](crate::parallel).
///
/// # Examples
///
/// ```
/// use serde::Serialize;
/// use superstep::{assign, map, prompt};
///
/// #[derive(Clone, Serialize)]
/// struct Order {
///     item: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chain = assign! { letters: map(|order: Order| order.item.len()) };
/// let order = Order { item: "ink".into() };
/// let record = chain.invoke(order.clone()).await?;
/// assert_eq!((&*record.item, record.letters), ("ink", 3));
///
/// let chain = chain | prompt("{item} has {letters} letters");
/// assert_eq!(chain.invoke(order).await?[0].text(), "ink has 3 letters");
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! assign {
    ($($name:ident: $branch:expr),+ $(,)?) => {
        match ($($branch,)+) {
            ($($name,)+) => {
                $crate::__record! { [__input] $($name)+ }
                $crate::__private::assign(
                    &[$(stringify!($name)),+],
                    $crate::__nested!($($name)+),
                    |__input, $crate::__nested!($($name)+)| Record { __input, $($name),+ },
                )
            }
        }
    };
}

/// A struct of fields that are called as their types are.
#[doc(hidden)]
#[macro_export]
macro_rules! __record {
    ([] $($name:ident)+) => {
        #[allow(non_camel_case_types)]
        #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        struct Record<$($name),+> {
            $(pub $name: $name),+
        }

        #[allow(non_camel_case_types)]
        impl<$($name: $crate::__private::Serialize),+> $crate::__private::Serialize
            for Record<$($name),+>
        {
            fn serialize<__S: $crate::__private::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                use $crate::__private::SerializeMap;
                let mut fields = serializer.serialize_map(::core::option::Option::None)?;
                $(fields.serialize_entry(
                    $crate::__private::plain(stringify!($name)),
                    &self.$name,
                )?;)+
                fields.end()
            }
        }
    };
    ([$input:ident] $($name:ident)+) => {
        #[allow(non_camel_case_types)]
        #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        struct Record<$input, $($name),+> {
            $input: $input,
            $(pub $name: $name),+
        }

        #[allow(non_camel_case_types)]
        impl<$input, $($name),+> ::core::ops::Deref for Record<$input, $($name),+> {
            type Target = $input;

            fn deref(&self) -> &Self::Target {
                &self.$input
            }
        }

        #[allow(non_camel_case_types)]
        impl<$input, $($name),+> $crate::__private::Serialize for Record<$input, $($name),+>
        where
            $input: $crate::__private::Serialize,
            $($name: $crate::__private::Serialize),+
        {
            fn serialize<__S: $crate::__private::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                use $crate::__private::SerializeMap;
                let mut fields = $crate::__private::begun(
                    serializer,
                    &self.$input,
                    &[$($crate::__private::plain(stringify!($name))),+],
                )?;
                $(fields.serialize_entry(
                    $crate::__private::plain(stringify!($name)),
                    &self.$name,
                )?;)+
                fields.end()
            }
        }
    };
}

/// `(a, (b, ()))`, as an expression or as a pattern.
#[doc(hidden)]
#[macro_export]
macro_rules! __nested {
    () => { () };
    ($first:ident $($rest:ident)*) => { ($first, $crate::__nested!($($rest)*)) };
}

/// For `parallel!`.
#[doc(hidden)]
#[track_caller]
pub fn parallel<I, B, R, F>(names: &'static [&'static str], branches: B, build: F) -> Chain<I, R>
where
    I: Clone + Send + 'static,
    B: IntoBranches<I>,
    R: Send + 'static,
    F: Fn(<B::Branches as Branches<I>>::Outputs) -> R + Send + Sync + 'static,
{
    of_branches(names, branches, build, Fields::Branches)
}

/// For `parallel!` with the name of a struct.
#[doc(hidden)]
#[track_caller]
pub fn parallel_of_struct<I, B, R, F>(
    names: &'static [&'static str],
    branches: B,
    build: F,
) -> Chain<I, R>
where
    I: Clone + Send + 'static,
    B: IntoBranches<I>,
    R: Send + 'static,
    F: Fn(<B::Branches as Branches<I>>::Outputs) -> R + Send + Sync + 'static,
{
    of_branches(names, branches, build, Fields::OfStruct)
}

#[track_caller]
fn of_branches<I, B, R, F>(
    names: &'static [&'static str],
    branches: B,
    build: F,
    gives: Fields,
) -> Chain<I, R>
where
    I: Clone + Send + 'static,
    B: IntoBranches<I>,
    R: Send + 'static,
    F: Fn(<B::Branches as Branches<I>>::Outputs) -> R + Send + Sync + 'static,
{
    let (branches, names, plan) = described(names, branches, gives);
    let parallel = Parallel {
        branches,
        names,
        build,
    };
    Chain::new(parallel, plan)
}

/// For `assign!`.
#[doc(hidden)]
#[track_caller]
pub fn assign<I, B, R, F>(names: &'static [&'static str], branches: B, build: F) -> Chain<I, R>
where
    I: Clone + Send + 'static,
    B: IntoBranches<I>,
    R: Send + 'static,
    F: Fn(I, <B::Branches as Branches<I>>::Outputs) -> R + Send + Sync + 'static,
{
    let (branches, names, plan) = described(names, branches, Fields::Beside);
    let assign = Assign {
        branches,
        names,
        build,
    };
    Chain::new(assign, plan)
}

#[track_caller]
fn described<I: Clone + Send + 'static, B: IntoBranches<I>>(
    names: &'static [&'static str],
    branches: B,
    gives: Fields,
) -> (B::Branches, Vec<&'static str>, Arc<Plan>) {
    let branches = branches.into_branches();
    let names: Vec<&'static str> = names.iter().map(|name| plain(name)).collect();
    let plans = names.iter().copied().zip(branches.plans().0);
    let plan = Plan::Parallel {
        branches: plans.collect(),
        gives,
        place: Location::caller(),
    };
    (branches, names, Arc::new(plan))
}

/// What can be the branches of `parallel!`: pairs of one and the rest.
#[doc(hidden)]
pub trait IntoBranches<I> {
    type Branches: Branches<I>;

    fn into_branches(self) -> Self::Branches;
}

/// A branch at work, which puts what it comes to into its slot.
#[doc(hidden)]
pub type Job<'a> = Pin<Box<dyn Future<Output = Result<(), ChainError>> + Send + 'a>>;

/// Branches: pairs of a chain and the rest.
#[doc(hidden)]
pub trait Branches<I>: Send + Sync + 'static {
    /// What they have come to so far.
    type Slots: Default + Send;
    type Outputs;

    fn plans(&self) -> Plans;

    fn start<'a>(
        &'a self,
        input: I,
        places: Places<'a>,
        slots: &'a mut Self::Slots,
        jobs: &mut Vec<Job<'a>>,
    );

    /// Nothing if one has come to nothing.
    fn outputs(slots: Self::Slots) -> Option<Self::Outputs>;
}

/// What the branches consist of.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plans(Vec<Arc<Plan>>);

/// The scopes and the names of branches that are not started yet.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nobody can name it")]
pub struct Places<'a> {
    /// Where nobody listens, all are in the same scope.
    scope: &'a Scope,
    scopes: &'a [Scope],
    names: &'a [&'static str],
}

impl<I> IntoBranches<I> for () {
    type Branches = ();

    fn into_branches(self) {}
}

impl<I, R, Rest> IntoBranches<I> for (R, Rest)
where
    I: Clone + Send + 'static,
    R: IntoChain<I>,
    R::Output: Serialize,
    Rest: IntoBranches<I>,
{
    type Branches = (Chain<I, R::Output>, Rest::Branches);

    fn into_branches(self) -> Self::Branches {
        (self.0.into_chain(), self.1.into_branches())
    }
}

impl<I> Branches<I> for () {
    type Slots = ();
    type Outputs = ();

    fn plans(&self) -> Plans {
        Plans(Vec::new())
    }

    fn start<'a>(&'a self, _: I, _: Places<'a>, (): &'a mut (), _: &mut Vec<Job<'a>>) {}

    fn outputs((): ()) -> Option<()> {
        Some(())
    }
}

impl<I, O, Rest> Branches<I> for (Chain<I, O>, Rest)
where
    I: Clone + Send + 'static,
    O: Serialize + Send + 'static,
    Rest: Branches<I>,
{
    type Slots = (Option<O>, Rest::Slots);
    type Outputs = (O, Rest::Outputs);

    fn plans(&self) -> Plans {
        let mut plans = vec![Arc::clone(&self.0.plan)];
        plans.extend(self.1.plans().0);
        Plans(plans)
    }

    fn start<'a>(
        &'a self,
        input: I,
        places: Places<'a>,
        (slot, rest): &'a mut Self::Slots,
        jobs: &mut Vec<Job<'a>>,
    ) {
        let scope = places.scopes.first().unwrap_or(places.scope);
        let name = places.names.first().copied().unwrap_or_default();
        let running = self.0.step.run(input.clone(), scope);
        jobs.push(Box::pin(async move {
            let ended = async {
                let output = running.await?;
                if let Some(telling) = scope.whole(&output)? {
                    telling.await;
                }
                Ok(output)
            };
            let ended = ended.await.map_err(|error: ChainError| error.within(name));
            *slot = Some(ended?);
            Ok(())
        }));
        let places = Places {
            scopes: places.scopes.get(1..).unwrap_or_default(),
            names: places.names.get(1..).unwrap_or_default(),
            ..places
        };
        self.1.start(input, places, rest, jobs);
    }

    fn outputs((slot, rest): Self::Slots) -> Option<Self::Outputs> {
        Some((slot?, Rest::outputs(rest)?))
    }
}

/// All branches at once; when one fails, the others are dropped.
async fn run<I: Clone + Send + 'static, B: Branches<I>>(
    branches: &B,
    names: &[&'static str],
    input: I,
    scope: &Scope,
) -> Result<B::Outputs, ChainError> {
    let names_and_scopes = names.iter().enumerate();
    let scopes: Vec<Scope> = match scope.is_watched() {
        false => Vec::new(),
        true => names_and_scopes
            .map(|(index, name)| scope.branch(index, name))
            .collect(),
    };
    let places = Places {
        scope,
        scopes: &scopes,
        names,
    };
    let mut slots = B::Slots::default();
    let mut jobs = Vec::with_capacity(names.len());
    branches.start(input, places, &mut slots, &mut jobs);
    all(jobs).await?;
    Ok(B::outputs(slots).expect("a branch that has not failed has come to something"))
}

async fn all(jobs: Vec<Job<'_>>) -> Result<(), ChainError> {
    let mut at_work: FuturesUnordered<Job<'_>> = jobs.into_iter().collect();
    while let Some(ended) = at_work.next().await {
        ended?;
    }
    Ok(())
}

struct Parallel<B, F> {
    branches: B,
    names: Vec<&'static str>,
    build: F,
}

impl<I, O, B, F> Step<I, O> for Parallel<B, F>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
    B: Branches<I>,
    F: Fn(B::Outputs) -> O + Send + Sync,
{
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            let outputs = run(&self.branches, &self.names, input, scope).await?;
            if let Some(tell) = scope.tell() {
                tell.by_parts();
            }
            Ok((self.build)(outputs))
        })
    }
}

struct Assign<B, F> {
    branches: B,
    names: Vec<&'static str>,
    build: F,
}

impl<I, O, B, F> Step<I, O> for Assign<B, F>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
    B: Branches<I>,
    F: Fn(I, B::Outputs) -> O + Send + Sync,
{
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            let outputs = run(&self.branches, &self.names, input.clone(), scope).await?;
            Ok((self.build)(input, outputs))
        })
    }
}
