//! The language model that an example asks.

use superstep::Model;

/// The model that `OPENAI_API_KEY` or `OPENAI_BASE_URL` and `OPENAI_MODEL` name,
/// with the feature `openai`; else the offline one. And whether it is a real one.
pub(crate) fn model(offline: impl FnOnce() -> Model) -> (Model, bool) {
    #[cfg(feature = "openai")]
    if let Ok(model) = Model::from_env() {
        return (model, true);
    }
    (offline(), false)
}
