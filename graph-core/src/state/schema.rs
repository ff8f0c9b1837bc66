//! A state's schema as data.

use std::fmt;

use serde::Serialize;

/// The fields of a state, as `#[derive(State)]` found them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Schema {
    /// The name of the state's struct.
    pub name: &'static str,
    /// The fields, in the order of declaration.
    pub fields: &'static [FieldSchema],
}

impl Schema {
    /// A schema of these fields.
    #[must_use]
    pub const fn new(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { name, fields }
    }

    /// The field of that name, if there is one.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSchema> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether serde writes a field under this name.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.key == key)
    }
}

/// One line for each field: its name, type and reducer.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for field in self.fields {
            let FieldSchema {
                name,
                type_name,
                reducer,
                ..
            } = field;
            write!(f, "\n  {name}: {type_name} ({reducer})")?;
        }
        Ok(())
    }
}

/// One field of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldSchema {
    /// The field's name.
    pub name: &'static str,
    /// The name under which serde writes it.
    pub key: &'static str,
    /// The field's type, as the source spells it.
    pub type_name: &'static str,
    /// The reducer's name, as the source spells it.
    pub reducer: &'static str,
    /// Whether two tasks of one superstep that write it are a conflict.
    pub single_writer: bool,
    /// Whether it goes back to its default after a superstep that did not
    /// write it.
    pub ephemeral: bool,
    /// Whether a checkpoint may hold what was added to it in place of its
    /// value; see [`Reducer::EXTENDS`](super::Reducer::EXTENDS).
    pub extends: bool,
    /// The field's doc comment; empty if it has none.
    pub doc: &'static str,
}

impl FieldSchema {
    /// A field with the given name, type and reducer.
    #[must_use]
    pub const fn new(
        name: &'static str,
        type_name: &'static str,
        reducer: &'static str,
        single_writer: bool,
    ) -> Self {
        Self {
            name,
            key: name,
            type_name,
            reducer,
            single_writer,
            ephemeral: false,
            extends: false,
            doc: "",
        }
    }

    /// The same field, ephemeral.
    #[must_use]
    pub const fn ephemeral(mut self) -> Self {
        self.ephemeral = true;
        self
    }

    /// The same field, written under another name.
    #[must_use]
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// The same field, which a checkpoint may hold by what was added to it.
    #[must_use]
    pub const fn extends(mut self, extends: bool) -> Self {
        self.extends = extends;
        self
    }

    /// The same field, with a doc comment.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }
}
