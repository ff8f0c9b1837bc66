//! Updates as JSON: flat, readable, and strict on input.
//!
//! A field takes three keys, of which at most one is present: `FIELD` for one
//! write, `each_FIELD` for several, `overwrite_FIELD` for a new value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserializer, Serialize};

use super::field::Parts;
use super::{FieldUpdate, Reducer};

/// The reading half of an update, written by the derive.
pub trait UpdateKeys: Default {
    /// For each field in order: its own key, `each_…` and `overwrite_…`.
    const KEYS: &'static [&'static str];

    /// Reads the value of `KEYS[key]` into the field it belongs to.
    ///
    /// # Errors
    ///
    /// Returns the deserializer's error, and one of its own when the field
    /// already has a value under another of its keys.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: usize, map: &mut A) -> Result<(), A::Error>;
}

impl<T, R: Reducer<T>> FieldUpdate<T, R> {
    /// Writes the field's entry, if it has one, under the three keys at the
    /// front of `keys`.
    ///
    /// # Errors
    ///
    /// Returns the serializer's error, and one of its own for what
    /// [`undo`](Self::undo) made: a mark means nothing elsewhere.
    pub fn serialize_into<M: SerializeMap>(
        &self,
        map: &mut M,
        keys: &[&str],
    ) -> Result<(), M::Error>
    where
        T: Serialize,
    {
        match self.parts() {
            Parts::Unset => Ok(()),
            Parts::One(update) => map.serialize_entry(keys[0], update),
            Parts::Each(updates) => map.serialize_entry(keys[1], updates),
            Parts::Overwrite(value) => map.serialize_entry(keys[2], value),
            Parts::Rewind(..) => Err(M::Error::custom(format_args!(
                "what undoes a write of `{}` cannot be written out",
                keys[0]
            ))),
        }
    }

    /// Reads the field's value under its key number `key` of three.
    ///
    /// # Errors
    ///
    /// Returns the deserializer's error, and one of its own when the field
    /// already has a value under another of its keys.
    pub fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: usize,
        keys: &'static [&'static str],
        map: &mut A,
    ) -> Result<(), A::Error>
    where
        T: DeserializeOwned,
    {
        if !self.is_unset() {
            return Err(A::Error::custom(format_args!(
                "field `{}` is written twice, the second time by `{}`",
                keys[0], keys[key]
            )));
        }
        *self = match key {
            0 => Self::one(map.next_value()?),
            1 => Self::each(map.next_value()?),
            _ => Self::set(map.next_value()?),
        };
        Ok(())
    }
}

/// Reads an update, refusing keys that are none of its fields'.
///
/// # Errors
///
/// Returns the deserializer's error.
pub fn deserialize_update<'de, U, D>(deserializer: D) -> Result<U, D::Error>
where
    U: UpdateKeys,
    D: Deserializer<'de>,
{
    struct Fields<U>(PhantomData<U>);

    impl<'de, U: UpdateKeys> Visitor<'de> for Fields<U> {
        type Value = U;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of the fields to write")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<U, A::Error> {
            let mut update = U::default();
            while let Some(key) = map.next_key::<String>()? {
                let Some(index) = U::KEYS.iter().position(|known| *known == key) else {
                    return Err(unknown_field(&key, U::KEYS));
                };
                update.read(index, &mut map)?;
            }
            Ok(update)
        }
    }

    deserializer.deserialize_map(Fields(PhantomData))
}

/// An error that lists the fields, without the two other keys of each.
fn unknown_field<E: serde::de::Error>(key: &str, keys: &[&str]) -> E {
    let names: Vec<String> = keys
        .iter()
        .step_by(3)
        .map(|name| format!("`{name}`"))
        .collect();
    E::custom(format_args!(
        "unknown field `{key}`, expected one of {}",
        names.join(", ")
    ))
}

/// Shows an update as the JSON it would be written as.
///
/// # Errors
///
/// Returns an error when the formatter does.
pub fn debug_update<U: Serialize>(update: &U, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match serde_json::to_string(update) {
        Ok(json) => f.write_str(&json),
        Err(error) => write!(f, "<{error}>"),
    }
}
