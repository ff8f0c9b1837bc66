//! How a model fails. It is one that does, whatever it is asked.

use super::scene::{HELLO, Scene};
use super::verdict::{Broken, Verdict, holds};
use crate::{ChatModel, Delta, ModelError};

async fn error<M: ChatModel>(scene: &Scene<M>) -> Result<ModelError, Broken> {
    match scene.model.generate(HELLO.into()).await {
        Err(error) => Ok(error),
        Ok(response) => Err(Broken::new(format!(
            "it was to fail, and answers: {}",
            response.message
        ))),
    }
}

pub async fn an_answer_fails<M: ChatModel>(scene: Scene<M>) -> Verdict {
    error(&scene).await.map(|_| ())
}

pub async fn an_error_says_what_happened<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let error = error(&scene).await?;
    let words = error.to_string();
    holds(
        !words.contains('\n'),
        "an error is more than a line",
        &words,
    )?;
    holds(
        !words.ends_with('.'),
        "an error ends with a full stop",
        &words,
    )
}

pub async fn a_streams_error_is_its_last_item<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some(mut stream) = scene.model.stream(&HELLO.into()) else {
        return Ok(());
    };
    let mut failed = false;
    while let Some(delta) = stream.next().await {
        holds(!failed, "a stream goes on after its error", &delta)?;
        failed = delta.is_err();
    }
    holds(failed, "a stream that was to fail did not", &stream)
}

pub async fn a_stream_that_fails_never_says_that_it_is_complete<M: ChatModel>(
    scene: Scene<M>,
) -> Verdict {
    let Some(mut stream) = scene.model.stream(&HELLO.into()) else {
        return Ok(());
    };
    while let Some(delta) = stream.next().await {
        let complete = matches!(delta, Ok(Delta::Finished(_)));
        holds(!complete, "it says why it ends, and then fails", &delta)?;
    }
    let whole = stream.finish().await;
    holds(whole.is_err(), "what has failed is put together", &whole)
}

pub async fn it_fails_as_often_as_it_is_asked<M: ChatModel>(scene: Scene<M>) -> Verdict {
    for _ in 0..3 {
        error(&scene).await?;
    }
    Ok(())
}
