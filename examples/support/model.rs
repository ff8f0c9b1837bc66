//! The language model that an example asks.

use superstep::Model;

/// The model that `OPENAI_API_KEY` or `OPENAI_BASE_URL` and `OPENAI_MODEL` name,
/// with the feature `openai`; else the offline one. And whether it is a real one.
pub(crate) fn model(offline: impl FnOnce() -> Model) -> (Model, bool) {
    #[cfg(feature = "openai")]
    match Model::from_env() {
        Ok(model) => return (model, true),
        // Neither key nor address: nobody asks for one.
        Err(error) if error.kind == superstep::ModelErrorKind::Auth => {}
        #[expect(clippy::print_stderr, reason = "a complaint for the terminal")]
        Err(error) => eprintln!("{error}; so offline"),
    }
    (offline(), false)
}
