//! What the builder methods of an update take.

#![expect(
    clippy::disallowed_types,
    reason = "users' own fields may be hash maps; nothing here depends on their order"
)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// A value that can be written where an update of type `U` is asked for.
///
/// So that `findings("one")`, `findings(["a", "b"])` and `findings(vec)` all
/// read well, and number literals need no suffix. Every `U` is itself; beside
/// that, `&str` is a `String`, a `T` is an `Option<T>`, an array is a `Vec`,
/// an item is a list of one for `Append`, and pairs are maps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written to a field whose updates are `{U}`",
    label = "expected `{U}`, or what converts into it",
    note = "a number converts by `value as u64` or `u64::from(value)`, text by `value.to_string()`",
    note = "`Items<T>` is one `T`, or an array or a `Vec` of them",
    note = "`!` is what `?` gives where nothing says of what type: `let amount: u64 = ctx.interrupt(..)?`"
)]
pub trait IntoUpdate<U> {
    /// The update.
    fn into_update(self) -> U;
}

#[diagnostic::do_not_recommend]
impl<U> IntoUpdate<U> for U {
    #[inline]
    fn into_update(self) -> U {
        self
    }
}

/// One item or many, to be appended; as JSON, a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<T>")]
pub enum Items<T> {
    /// A single item, for which no list is allocated.
    One(T),
    /// Any number of items.
    Many(Vec<T>),
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(item) => [item].serialize(serializer),
            Self::Many(items) => items.serialize(serializer),
        }
    }
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(items: Vec<T>) -> Self {
        Self::Many(items)
    }
}

impl<T> From<Items<T>> for Vec<T> {
    fn from(items: Items<T>) -> Self {
        match items {
            Items::One(item) => vec![item],
            Items::Many(items) => items,
        }
    }
}

impl<T> IntoIterator for Items<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

/// Writes an implementation by way of the conversions that std has.
macro_rules! converts {
    ($([$($generics:tt)*] $from:ty => $into:ty, |$value:ident| $convert:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> IntoUpdate<$into> for $from {
            fn into_update(self) -> $into {
                let $value = self;
                $convert
            }
        }
    )*};
}

converts! {
    [] &str => String, |text| text.into();
    [] &String => String, |text| text.clone();
    [] Cow<'_, str> => String, |text| text.into_owned();
    [] char => String, |letter| letter.into();
    [T] T => Option<T>, |value| Some(value);
    [] &str => Option<String>, |text| Some(text.into());
    [] &String => Option<String>, |text| Some(text.clone());
    [] &str => Box<str>, |text| text.into();
    [] &str => Arc<str>, |text| text.into();
    [] String => Arc<str>, |text| text.into();
    [T] T => Box<T>, |value| Box::new(value);
    [T] T => Arc<T>, |value| Arc::new(value);
    [] &str => PathBuf, |path| path.into();
    [] &Path => PathBuf, |path| path.into();
    [] &str => serde_json::Value, |text| text.into();
    [] String => serde_json::Value, |text| text.into();

    [T, const N: usize] [T; N] => Vec<T>, |items| items.into();
    [T: Clone] &[T] => Vec<T>, |items| items.to_vec();
    [const N: usize] [&str; N] => Vec<String>, |items| items.map(String::from).into();
    [T, const N: usize] [T; N] => VecDeque<T>, |items| items.into();
    [T] Vec<T> => VecDeque<T>, |items| items.into();

    [T] T => Items<T>, |item| Items::One(item);
    [T] Vec<T> => Items<T>, |items| Items::Many(items);
    [T] VecDeque<T> => Items<T>, |items| Items::Many(items.into());
    [T, const N: usize] [T; N] => Items<T>, |items| Items::Many(items.into());
    [T: Clone] &[T] => Items<T>, |items| Items::Many(items.to_vec());
    [T: Clone] &Vec<T> => Items<T>, |items| Items::Many(items.clone());
    [] &str => Items<String>, |text| Items::One(text.into());
    [] &String => Items<String>, |text| Items::One(text.clone());
    [] Cow<'_, str> => Items<String>, |text| Items::One(text.into_owned());
    [const N: usize] [&str; N] => Items<String>, |items| Items::Many(items.map(String::from).into());
    [] Vec<&str> => Items<String>, |items| Items::Many(items.into_iter().map(String::from).collect());

    [K: Ord, V, const N: usize] [(K, V); N] => BTreeMap<K, V>, |pairs| pairs.into();
    [V, const N: usize] [(&str, V); N] => BTreeMap<String, V>,
        |pairs| pairs.into_iter().map(|(key, value)| (key.into(), value)).collect();
    [const N: usize] [(&str, &str); N] => BTreeMap<String, String>,
        |pairs| pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    [K: Ord, V] Vec<(K, V)> => BTreeMap<K, V>, |pairs| pairs.into_iter().collect();
    [K: Ord, V] (K, V) => BTreeMap<K, V>, |pair| BTreeMap::from([pair]);
    [V] (&str, V) => BTreeMap<String, V>, |pair| BTreeMap::from([(pair.0.into(), pair.1)]);
    [] (&str, &str) => BTreeMap<String, String>,
        |pair| BTreeMap::from([(pair.0.into(), pair.1.into())]);
    [K: Eq + Hash, V, const N: usize] [(K, V); N] => HashMap<K, V>, |pairs| pairs.into();
    [V, const N: usize] [(&str, V); N] => HashMap<String, V>,
        |pairs| pairs.into_iter().map(|(key, value)| (key.into(), value)).collect();
    [const N: usize] [(&str, &str); N] => HashMap<String, String>,
        |pairs| pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    [K: Eq + Hash, V] Vec<(K, V)> => HashMap<K, V>, |pairs| pairs.into_iter().collect();
    [K: Eq + Hash, V] (K, V) => HashMap<K, V>, |pair| HashMap::from([pair]);
    [V] (&str, V) => HashMap<String, V>, |pair| HashMap::from([(pair.0.into(), pair.1)]);
    [] (&str, &str) => HashMap<String, String>,
        |pair| HashMap::from([(pair.0.into(), pair.1.into())]);
    [T: Ord] T => BTreeSet<T>, |item| BTreeSet::from([item]);
    [T: Ord, const N: usize] [T; N] => BTreeSet<T>, |items| items.into();
    [T: Ord] Vec<T> => BTreeSet<T>, |items| items.into_iter().collect();
    [] &str => BTreeSet<String>, |text| BTreeSet::from([text.into()]);
    [] &String => BTreeSet<String>, |text| BTreeSet::from([text.clone()]);
    [const N: usize] [&str; N] => BTreeSet<String>, |items| items.map(String::from).into();
    [T: Eq + Hash] T => HashSet<T>, |item| HashSet::from([item]);
    [T: Eq + Hash, const N: usize] [T; N] => HashSet<T>, |items| items.into();
    [T: Eq + Hash] Vec<T> => HashSet<T>, |items| items.into_iter().collect();
    [] &str => HashSet<String>, |text| HashSet::from([text.into()]);
    [] &String => HashSet<String>, |text| HashSet::from([text.clone()]);
    [const N: usize] [&str; N] => HashSet<String>, |items| items.map(String::from).into();
}
