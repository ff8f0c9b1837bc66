//! JSON Schemas as models are told of them.

use schemars::generate::SchemaSettings;

/// Their dialect, which none of them names.
pub(crate) fn dialect() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}
