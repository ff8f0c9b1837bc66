//! The values of a session, by key, and what is done to them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use superstep_core::{IntoUpdate, Reducer};

pub(super) use crate::template::{SHARED, TEMP};

/// The entry that holds, in JSON, what is still to be told to other sessions: no
/// key is called that.
const UNTOLD: &str = "";

/// What a session knows, by key; also the reducer of that.
///
/// A key is a name such as `topic`. One that begins with `user:` is shared by
/// all sessions of a user, with `app:` by all sessions, and with `temp:` it is
/// this turn's, and in no checkpoint: a run that goes on after a pause or a
/// crash has none. Two of these need [`Sessions`](super::Sessions); in any
/// other graph they are the thread's, as all others. A run that writes an empty
/// key fails with [`RunError::Reducer`](superstep_core::RunError::Reducer).
///
/// # Examples
///
/// ```
/// use superstep::{Change, Session, Values};
///
/// let values: Values = [("topic", "tea")].into();
/// assert_eq!(values.get::<String>("topic").as_deref(), Some("tea"));
///
/// // Writes, as nodes return them:
/// let update = Session::update()
///     .values(("topic", "coffee"))
///     .values(Change::add("cups", 2))
///     .values(Change::append("notes", "hot"));
/// # let _ = update;
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values {
    entries: BTreeMap<String, Value>,
    /// What other sessions are still to be told, and how much they were told before
    /// that.
    untold: Vec<Change>,
    told: u64,
    /// In a branch, what it has done.
    log: Option<Vec<Change>>,
}

/// One thing that is done to a session's values.
///
/// `("key", value)` writes as [`set`](Self::set) does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) how: How,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    Set(Value),
    Add(Value),
    Append(Value),
}

impl Change {
    /// Writes a key. Two parallel agents that do are a mistake.
    pub fn set(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            key: key.into(),
            how: How::Set(value.into()),
        }
    }

    /// Adds to a number, which is 0 if it is not there. Any number of agents and
    /// sessions may, at once: nothing is lost.
    pub fn add(key: impl Into<String>, number: impl Into<Value>) -> Self {
        Self {
            key: key.into(),
            how: How::Add(number.into()),
        }
    }

    /// Puts an item at the end of a list, which is empty if it is not there. Any
    /// number of agents and sessions may, at once: nothing is lost.
    pub fn append(key: impl Into<String>, item: impl Into<Value>) -> Self {
        Self {
            key: key.into(),
            how: How::Append(item.into()),
        }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self.how, How::Set(_))
    }
}

/// What is done to values, in order: the update of the reducer [`Values`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Change(Change),
    /// A turn begins: what was temporary is gone.
    Turn,
    /// A branch begins with these.
    Inherit(#[serde(serialize_with = "kept")] BTreeMap<String, Value>),
    Outside(Outside),
    /// So many changes, of all that there ever were, have been told to other sessions.
    Told(u64),
}

/// What sessions share whose keys begin with `scope`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outside {
    pub(super) scope: String,
    pub(super) entries: BTreeMap<String, Value>,
    /// How many of this session's changes are in it; no less than it says itself.
    pub(super) told: u64,
}

impl Changes {
    pub(super) fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self(changes.into_iter().map(Step::Change).collect())
    }

    pub(super) fn turn() -> Self {
        Self(vec![Step::Turn])
    }

    pub(super) fn inherit(values: &Values) -> Self {
        Self(vec![Step::Inherit(values.entries.clone())])
    }

    pub(super) fn and_outside(mut self, outside: Outside) -> Self {
        self.0.push(Step::Outside(outside));
        self
    }

    pub(super) fn told(changes: u64) -> Self {
        Self(vec![Step::Told(changes)])
    }
}

impl Values {
    /// The value of a key, if it is there and of that type.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.entries.get(key)?).ok()
    }

    /// The value of a key as JSON.
    #[must_use]
    pub fn json(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    pub(super) fn into_entries(self) -> BTreeMap<String, Value> {
        self.entries
    }

    /// What a branch has done.
    pub(super) fn log(&self) -> &[Change] {
        self.log.as_deref().unwrap_or_default()
    }

    /// None, of which all that is done is logged.
    pub(super) fn logged() -> Self {
        Self {
            log: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// What other sessions are still to be told, and how much they were told before.
    pub(super) fn untold(&self) -> (u64, &[Change]) {
        (self.told, &self.untold)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Change(change) => {
                if let Some(log) = &mut self.log {
                    log.push(change.clone());
                } else if is_shared(&change.key) {
                    self.untold.push(change.clone());
                }
                self.change(change);
            }
            Step::Turn => self.entries.retain(|key, _| !key.starts_with(TEMP)),
            Step::Inherit(entries) => {
                self.entries = entries;
                self.log = Some(Vec::new());
            }
            Step::Outside(outside) => self.take_in(outside),
            Step::Told(changes) => {
                self.untold.drain(..self.among_untold(changes));
                self.told = self.told.max(changes);
            }
        }
    }

    /// How many of those that are still to be told are among the first so many.
    fn among_untold(&self, changes: u64) -> usize {
        let among = usize::try_from(changes.saturating_sub(self.told)).unwrap_or(usize::MAX);
        among.min(self.untold.len())
    }

    /// What is shared is as it is outside, and what nobody was told yet comes on top.
    fn take_in(&mut self, outside: Outside) {
        let Outside {
            scope,
            entries,
            told,
        } = outside;
        self.entries.retain(|key, _| !key.starts_with(&scope));
        self.entries.extend(entries);
        let untold = self.untold[self.among_untold(told)..].iter();
        let own = untold.filter(|change| change.key.starts_with(&scope));
        own.cloned()
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|change| self.settle(change));
    }

    /// As [`change`](Self::change), of a session that did not know what is there: what
    /// is no number is not added to but replaced.
    pub(super) fn settle(&mut self, change: Change) {
        let fits = match (&change.how, self.entries.get(&change.key)) {
            (How::Set(_), _) | (_, None | Some(Value::Null)) => true,
            (How::Add(_), Some(value)) => value.is_number(),
            (How::Append(_), Some(value)) => value.is_array(),
        };
        if !fits {
            self.entries.remove(&change.key);
        }
        self.change(change);
    }

    fn change(&mut self, Change { key, how }: Change) {
        assert!(key != UNTOLD, "`{key}` is no key: a value needs a name");
        match how {
            How::Set(value) => {
                self.entries.insert(key, value);
            }
            How::Add(by) => {
                let value = self.entries.entry(key).or_insert(Value::Null);
                *value = sum(value, &by);
            }
            How::Append(item) => match self.entries.entry(key).or_insert(Value::Null) {
                Value::Array(items) => items.push(item),
                value @ Value::Null => *value = Value::Array(vec![item]),
                other => panic!("nothing can be appended to {other}, which is no list"),
            },
        }
    }
}

fn is_shared(key: &str) -> bool {
    SHARED.iter().any(|scope| key.starts_with(scope))
}

fn sum(value: &Value, by: &Value) -> Value {
    let value = match value {
        Value::Null => &Value::from(0),
        Value::Number(_) => value,
        other => panic!("{by} cannot be added to {other}, which is no number"),
    };
    let whole = value.as_i64().zip(by.as_i64());
    if let Some(sum) = whole.and_then(|(a, b)| a.checked_add(b)) {
        return sum.into();
    }
    let real = value.as_f64().zip(by.as_f64()).map(|(a, b)| a + b);
    match real.filter(|sum| sum.is_finite()) {
        Some(sum) => sum.into(),
        None => panic!("{value} + {by} is no number"),
    }
}

impl Reducer<Self> for Values {
    type Update = Changes;

    // What is more than new entries is written as what no object is joined to.
    const EXTENDS: bool = true;

    fn reduce(value: &mut Self, Changes(steps): Changes) {
        steps.into_iter().for_each(|step| value.step(step));
    }
}

/// # Panics
///
/// When a key is empty.
impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Values {
    fn from(entries: [(K, V); N]) -> Self {
        let mut values = Self::default();
        for (key, value) in entries {
            values.change(Change::set(key, value));
        }
        values
    }
}

impl IntoUpdate<Changes> for Change {
    fn into_update(self) -> Changes {
        Changes::of([self])
    }
}

impl IntoUpdate<Changes> for Vec<Change> {
    fn into_update(self) -> Changes {
        Changes::of(self)
    }
}

impl<K: Into<String>, V: Into<Value>> IntoUpdate<Changes> for (K, V) {
    fn into_update(self) -> Changes {
        Changes::of([Change::set(self.0, self.1)])
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> IntoUpdate<Changes> for [(K, V); N] {
    fn into_update(self) -> Changes {
        Changes::of(self.map(|(key, value)| Change::set(key, value)))
    }
}

/// An object, without what is temporary.
impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = self.entries.iter().filter(|(key, _)| is_kept(key));
        let kept = kept.map(|(key, value)| (&**key, Kept::Value(value)));
        let untold = (self.told > 0 || !self.untold.is_empty())
            .then_some((UNTOLD, Kept::Untold(self.told, &self.untold)));
        serializer.collect_map(untold.into_iter().chain(kept))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Kept<'a> {
    Value(&'a Value),
    Untold(u64, &'a [Change]),
}

/// Whether a key is in checkpoints.
pub(super) fn is_kept(key: &str) -> bool {
    !key.starts_with(TEMP)
}

/// Entries without what is temporary.
fn kept<S: Serializer>(
    entries: &BTreeMap<String, Value>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().filter(|(key, _)| is_kept(key)))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let (told, untold) = match entries.remove(UNTOLD) {
            None => (0, Vec::new()),
            Some(untold) => serde_json::from_value(untold).map_err(serde::de::Error::custom)?,
        };
        Ok(Self {
            entries,
            untold,
            told,
            log: None,
        })
    }
}

/// An object where entries are only written, else a list of steps.
impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = self.0.iter().filter(|step| match step {
            Step::Change(change) => is_kept(&change.key),
            // It takes away what no checkpoint has.
            Step::Turn => false,
            _ => true,
        });
        let entries = kept.clone().map(|step| match step {
            Step::Change(Change {
                key,
                how: How::Set(value),
            }) if !is_shared(key) => Some((key, value)),
            _ => None,
        });
        match entries.collect::<Option<Vec<_>>>() {
            Some(entries) => serializer.collect_map(entries),
            None => serializer.collect_seq(kept),
        }
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Steps(Vec<Step>),
            Entries(BTreeMap<String, Value>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Steps(steps) => Self(steps),
            Written::Entries(entries) => Self::of(
                entries
                    .into_iter()
                    .map(|(key, value)| Change::set(key, value)),
            ),
        })
    }
}
