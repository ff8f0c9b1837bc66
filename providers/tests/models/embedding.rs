//! Vectors of texts, asked through their handle.

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Budget, Usage};
use superstep_providers::{
    Embedder, EmbeddingModel, Embeddings, ModelError, ModelErrorKind, TestEmbedder,
};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Notes {
    vector: Vec<f32>,
}

/// Forgets the last text.
struct Short;

impl Embedder for Short {
    fn name(&self) -> &str {
        "short"
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Embeddings, ModelError> {
        Ok(Embeddings::new(vec![vec![1.0]; texts.len() - 1]))
    }
}

#[tokio::test]
async fn whoever_provides_them_is_behind_one_type() {
    let test = TestEmbedder::new();
    let models: [EmbeddingModel; 2] = [test.clone().into(), Short.into()];
    assert_eq!(
        models.clone().map(|model| model.dimensions()),
        [Some(64), None]
    );
    let fitting = models[0]
        .embed(["a", "b", "a"])
        .await
        .expect("they fit")
        .vectors;
    assert_eq!((&fitting[0], fitting.len()), (&fitting[2], 3));
    let error = models[1]
        .embed(["a", "b"])
        .await
        .expect_err("one is missing");
    assert_eq!(
        (&error.kind, error.model.as_deref()),
        (&ModelErrorKind::Decode, Some("short"))
    );
    let none: [&str; 0] = [];
    assert_eq!(
        models[1].embed(none).await.expect("nothing is asked"),
        Embeddings::default()
    );
    assert_eq!(test.calls(), [["a", "b", "a"]]);
}

#[tokio::test]
async fn what_an_embedder_uses_is_counted_in_a_run() {
    let test = TestEmbedder::new().dimensions(2).on("abcd", [0.0, 1.0]);
    let test = test
        .fails_on("efgh", ModelErrorKind::Quota)
        .fails_on("i", ModelErrorKind::Setup);
    let graph = |text: &'static str| {
        StateGraph::<Notes, EmbeddingModel>::new("notes")
            .add_node("embed", move |ctx: Ctx<EmbeddingModel>| async move {
                NodeResult::Ok(match ctx.embed_one(text).await {
                    Ok(vector) => Notes::update().vector(vector),
                    Err(error) if error.kind == ModelErrorKind::Budget => return Err(error.into()),
                    Err(_) => Notes::update(),
                })
            })
            .add_edge(START, "embed")
            .compile()
            .expect("it is sound")
    };
    for (text, used) in [
        ("abcd", Usage::new().calls(1).tokens(1)),
        ("efgh", Usage::new().calls(1).tokens(1)),
        ("i", Usage::new()),
    ] {
        let budget = Budget::new().tokens(1);
        let run = graph(text)
            .invoke(Notes::update())
            .context(EmbeddingModel::new(test.clone()))
            .budget(&budget);
        let run = run.await.expect("it ends");
        assert_eq!(run.usage().total(), used, "{text}");
        assert_eq!(budget.used(), used, "{text}");
    }
    let budget = Budget::new().tokens(1);
    let long = graph("abcdefgh")
        .invoke(Notes::update())
        .context(EmbeddingModel::new(test.clone()));
    long.budget(&budget).await.expect_err("it has two");
    assert_eq!(test.calls().len(), 3);
}
