//! Reducers: how the writes of several tasks become one value.

#![expect(
    clippy::disallowed_types,
    reason = "users' own fields may be hash maps; nothing here depends on their order"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Items;

/// What may cross a thread, a checkpoint or a network: owned, cloneable and
/// serialisable. Every type that is all of that has it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not data that a graph can carry",
    label = "needs `Clone`, `Serialize`, `DeserializeOwned`, `Send`, `Sync` and `'static`",
    note = "add `#[derive(Clone, Serialize, Deserialize)]` to the type, or to a struct of yours around one that is not; what cannot be serialised belongs in the context"
)]
pub trait Data: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

// Without the attribute a type that lacks several of these is an error for each.
#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Data for T {}

/// Merges one write into a field of type `T`.
///
/// `#[reduce(R)]` on a field names a type that implements `Reducer` of the
/// field's type. Writes are merged in task order (nodes by name, then sends in
/// the order in which they were emitted), whatever order the tasks end in, so
/// that a reducer need not be commutative for runs to be reproducible.
///
/// A panic inside `reduce` ends the run with
/// `RunError::Reducer`, which names the field and the task.
///
/// # Examples
///
/// A reducer of one's own keeps the three best scores:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::Reducer;
///
/// struct Best3;
///
/// impl Reducer<Vec<u32>> for Best3 {
///     type Update = u32;
///
///     fn reduce(value: &mut Vec<u32>, score: u32) {
///         value.push(score);
///         value.sort_unstable_by(|a, b| b.cmp(a));
///         value.truncate(3);
///     }
/// }
///
/// #[derive(State, Clone, Default, Serialize, Deserialize)]
/// struct Contest {
///     #[reduce(Best3)]
///     podium: Vec<u32>,
/// }
///
/// let update = Contest::update().podium(7);
/// assert_eq!(serde_json::to_string(&update).unwrap(), r#"{"podium":7}"#);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot reduce a field of type `{T}`",
    label = "not a reducer for `{T}`",
    note = "`Append` takes `Vec`, `VecDeque` and `String`; `Sum`, numbers and `Duration`; `Max` and `Min`, what can be compared; `Merge`, maps and sets; `Any` and `All`, `bool`",
    note = "or write a reducer of your own: a type of yours that implements `superstep::Reducer<{T}>`"
)]
pub trait Reducer<T> {
    /// What one write holds: what the builder method of the field takes, by
    /// way of [`IntoUpdate`](super::IntoUpdate).
    type Update: Data;

    /// Whether two tasks of one superstep that write the field are a conflict
    /// rather than something to merge.
    const SINGLE_WRITER: bool = false;

    /// Whether a checkpoint may hold the update in place of the new value.
    ///
    /// For reducers that only add to a value: the JSON of the new value is then
    /// that of the old one with the update's joined to it. A list or a text
    /// gets the update at its end, an object its entries, of which the later
    /// wins. Bytes written follow what was added, and not what is there. If
    /// the law does not hold, values read back are wrong; without the constant
    /// the whole value is written whenever it changes, which is always right.
    const EXTENDS: bool = false;

    /// Merges `update` into `value`.
    fn reduce(value: &mut T, update: Self::Update);

    /// What [`rewind`](Self::rewind) needs to take writes back out of `value`,
    /// such as its length.
    ///
    /// For reducers that only add at the end. A route that runs beside others
    /// sees its own node's writes and no more: they are merged for it, and
    /// taken back. Without a mark the whole value is cloned for that, each
    /// time.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Append, Reducer};
    ///
    /// /// Adds a line to a text.
    /// struct Lines;
    ///
    /// impl Reducer<String> for Lines {
    ///     type Update = String;
    ///
    ///     fn reduce(text: &mut String, line: String) {
    ///         text.push_str(&line);
    ///         text.push('\n');
    ///     }
    ///
    ///     fn mark(text: &String) -> Option<usize> {
    ///         Some(text.len())
    ///     }
    ///
    ///     fn rewind(text: &mut String, mark: usize) {
    ///         text.truncate(mark);
    ///     }
    /// }
    ///
    /// let mut text = "one\n".to_owned();
    /// let mark = Lines::mark(&text).unwrap();
    /// Lines::reduce(&mut text, "two".to_owned());
    /// Lines::rewind(&mut text, mark);
    /// assert_eq!(text, "one\n");
    /// ```
    #[must_use]
    #[inline]
    fn mark(value: &T) -> Option<usize> {
        let _ = value;
        None
    }

    /// Gives `value` back what it was when [`mark`](Self::mark) was asked;
    /// nothing but [`reduce`](Self::reduce) has changed it since.
    ///
    /// # Panics
    ///
    /// Unless it is written: whoever gives a mark writes both.
    #[inline]
    fn rewind(value: &mut T, mark: usize) {
        let _ = (value, mark);
        panic!("the reducer gives a mark, and has no `rewind`");
    }
}

/// The new value takes the place of the old; one writer a superstep.
///
/// The default. Two tasks of one superstep that write the field end the run
/// with `RunError::Conflict`.
#[derive(Debug, Clone, Copy)]
pub struct Replace;

impl<T: Data> Reducer<T> for Replace {
    type Update = T;

    const SINGLE_WRITER: bool = true;

    #[inline]
    fn reduce(value: &mut T, update: T) {
        *value = update;
    }
}

/// As [`Replace`], but with any number of writers: the last in task order wins.
#[derive(Debug, Clone, Copy)]
pub struct Last;

impl<T: Data> Reducer<T> for Last {
    type Update = T;

    #[inline]
    fn reduce(value: &mut T, update: T) {
        *value = update;
    }
}

/// Adds to the end of a `Vec`, a `VecDeque` or a `String`.
///
/// The builder method takes one item, an array or a `Vec` of them.
#[derive(Debug, Clone, Copy)]
pub struct Append;

impl<T: Data> Reducer<Vec<T>> for Append {
    type Update = Items<T>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut Vec<T>, update: Items<T>) {
        match update {
            Items::One(item) => value.push(item),
            Items::Many(items) => value.extend(items),
        }
    }

    #[inline]
    fn mark(value: &Vec<T>) -> Option<usize> {
        Some(value.len())
    }

    #[inline]
    fn rewind(value: &mut Vec<T>, mark: usize) {
        value.truncate(mark);
    }
}

impl<T: Data> Reducer<VecDeque<T>> for Append {
    type Update = Items<T>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut VecDeque<T>, update: Items<T>) {
        value.extend(update);
    }

    #[inline]
    fn mark(value: &VecDeque<T>) -> Option<usize> {
        Some(value.len())
    }

    #[inline]
    fn rewind(value: &mut VecDeque<T>, mark: usize) {
        value.truncate(mark);
    }
}

impl Reducer<String> for Append {
    type Update = String;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut String, update: String) {
        value.push_str(&update);
    }

    #[inline]
    fn mark(value: &String) -> Option<usize> {
        Some(value.len())
    }

    #[inline]
    fn rewind(value: &mut String, mark: usize) {
        value.truncate(mark);
    }
}

/// Adds numbers, and `Duration`s.
///
/// # Panics
///
/// When an integer overflows: a run ends with `RunError::Reducer` rather than
/// with a wrong sum.
#[derive(Debug, Clone, Copy)]
pub struct Sum;

macro_rules! sum_of_integers {
    ($($integer:ty)*) => {$(
        impl Reducer<$integer> for Sum {
            type Update = $integer;

            #[inline]
            fn reduce(value: &mut $integer, update: $integer) {
                *value = value.checked_add(update).unwrap_or_else(|| {
                    panic!("{value} + {update} does not fit in {}", stringify!($integer))
                });
            }
        }
    )*};
}

sum_of_integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl Reducer<f32> for Sum {
    type Update = f32;

    #[inline]
    fn reduce(value: &mut f32, update: f32) {
        *value += update;
    }
}

impl Reducer<f64> for Sum {
    type Update = f64;

    #[inline]
    fn reduce(value: &mut f64, update: f64) {
        *value += update;
    }
}

impl Reducer<Duration> for Sum {
    type Update = Duration;

    #[inline]
    fn reduce(value: &mut Duration, update: Duration) {
        *value = value
            .checked_add(update)
            .unwrap_or_else(|| panic!("{value:?} + {update:?} does not fit in Duration"));
    }
}

/// Keeps the greater of the old value and the new.
///
/// An `Option` is `None` until the first write. What cannot be compared, such
/// as a float that is no number, is passed over.
#[derive(Debug, Clone, Copy)]
pub struct Max;

impl<T: Data + PartialOrd> Reducer<T> for Max {
    type Update = T;

    #[inline]
    fn reduce(value: &mut T, update: T) {
        if update > *value {
            *value = update;
        }
    }
}

/// Keeps the lesser of the old value and the new.
///
/// The state's [`Default`] is the first value, so give the field one that is
/// high enough: the least of `0` and a count is `0`, and the compiled graph has
/// the warning `stuck-reducer`. For floats that is `f64::MAX`: JSON has no
/// infinity, so that no thread can keep one. The derive refuses `Min` over an
/// `Option`, whose `None` is less than everything.
#[derive(Debug, Clone, Copy)]
pub struct Min;

impl<T: Data + PartialOrd> Reducer<T> for Min {
    type Update = T;

    #[inline]
    fn reduce(value: &mut T, update: T) {
        if update < *value {
            *value = update;
        }
    }
}

/// Merges maps, where the later write of a key wins, and unites sets.
///
/// The builder method takes a map or a set, an array, or one entry.
#[derive(Debug, Clone, Copy)]
pub struct Merge;

impl<K: Data + Ord, V: Data> Reducer<BTreeMap<K, V>> for Merge {
    type Update = BTreeMap<K, V>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut BTreeMap<K, V>, update: BTreeMap<K, V>) {
        value.extend(update);
    }
}

impl<K, V, H> Reducer<HashMap<K, V, H>> for Merge
where
    K: Data + Eq + Hash,
    V: Data,
    H: BuildHasher + Default + Clone + Send + Sync + 'static,
{
    type Update = HashMap<K, V, H>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut HashMap<K, V, H>, update: HashMap<K, V, H>) {
        value.extend(update);
    }
}

impl<T: Data + Ord> Reducer<BTreeSet<T>> for Merge {
    type Update = BTreeSet<T>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut BTreeSet<T>, update: BTreeSet<T>) {
        value.extend(update);
    }
}

impl<T, H> Reducer<HashSet<T, H>> for Merge
where
    T: Data + Eq + Hash,
    H: BuildHasher + Default + Clone + Send + Sync + 'static,
{
    type Update = HashSet<T, H>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut HashSet<T, H>, update: HashSet<T, H>) {
        value.extend(update);
    }
}

impl Reducer<serde_json::Map<String, serde_json::Value>> for Merge {
    type Update = serde_json::Map<String, serde_json::Value>;

    const EXTENDS: bool = true;

    #[inline]
    fn reduce(value: &mut Self::Update, update: Self::Update) {
        value.extend(update);
    }
}

/// Whether any write was `true`; starts from the field's default, which must
/// be `false` for the answer ever to be. Else the compiled graph has the warning
/// `stuck-reducer`.
#[derive(Debug, Clone, Copy)]
pub struct Any;

impl Reducer<bool> for Any {
    type Update = bool;

    #[inline]
    fn reduce(value: &mut bool, update: bool) {
        *value |= update;
    }
}

/// Whether all writes were `true`; starts from the field's default, which must
/// be `true` for the answer ever to be. Else the compiled graph has the warning
/// `stuck-reducer`.
#[derive(Debug, Clone, Copy)]
pub struct All;

impl Reducer<bool> for All {
    type Update = bool;

    #[inline]
    fn reduce(value: &mut bool, update: bool) {
        *value &= update;
    }
}
