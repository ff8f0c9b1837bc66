//! What a model answers piece by piece. One that does not passes.

use super::answers::CROWD;
use super::judge::at_once;
use super::scene::{HELLO, Scene, is_text};
use super::verdict::{Verdict, equal, holds};
use crate::{ChatModel, Delta, Finish, ModelRequest, ModelResponse};

pub async fn put_together_it_is_an_answer<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some((response, _)) = scene.read(HELLO).await? else {
        return Ok(());
    };
    is_text(&response)?;
    equal("why it ends", &response.finish, &Finish::Stop)
}

/// If it says the same twice, then it does so piece by piece, too.
pub async fn it_is_what_the_whole_answer_is<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let said = |response: ModelResponse| (response.message, response.finish, response.usage);
    let whole = said(scene.ask(HELLO).await?);
    let again = said(scene.ask(HELLO).await?);
    match scene.read(HELLO).await? {
        Some((response, _)) if whole == again => {
            equal("the stream put together", &said(response), &whole)
        }
        _ => Ok(()),
    }
}

pub async fn it_says_what_it_has_used<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some((response, _)) = scene.read(HELLO).await? else {
        return Ok(());
    };
    let used = response.usage;
    let says = used.input > 0 && used.output > 0;
    holds(says, "a stream does not say what it has used", &used)
}

pub async fn it_says_once_why_it_ends<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some((_, deltas)) = scene.read(HELLO).await? else {
        return Ok(());
    };
    let ends = |delta: &&Delta| matches!(delta, Delta::Finished(_));
    let n_ends = deltas.iter().filter(ends).count();
    equal("how often a stream says why it ends", &n_ends, &1)?;
    let after = deltas.iter().skip_while(|delta| !ends(delta)).skip(1);
    let silent = after.clone().all(|delta| matches!(delta, Delta::Usage(_)));
    holds(silent, "a stream goes on after its end", &deltas)
}

pub async fn it_ends_once<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some(mut stream) = scene.model.stream(&HELLO.into()) else {
        return Ok(());
    };
    while let Some(delta) = stream.next().await {
        delta?;
    }
    for _ in 0..3 {
        let more = stream.next().await;
        holds(
            more.is_none(),
            "a stream goes on after its last item",
            &more,
        )?;
    }
    Ok(())
}

pub async fn no_piece_is_empty<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let Some((_, deltas)) = scene.read(HELLO).await? else {
        return Ok(());
    };
    let empty = deltas
        .iter()
        .any(|delta| matches!(delta, Delta::Text { text } if text.is_empty()));
    holds(!empty, "a piece of text is empty", &deltas)
}

pub async fn one_that_is_too_long_says_so<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from("Count from one to a hundred, in words.").max_tokens(16);
    let Some((response, _)) = scene.read(request).await? else {
        return Ok(());
    };
    let says = response.finish == Finish::Length || response.usage.output <= 16;
    holds(says, "it was cut and does not say so", &response)
}

pub async fn fifty_are_read_at_once<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let read = (0..CROWD).map(|_| scene.read(HELLO)).collect();
    for read in at_once(read).await {
        if let Some((response, _)) = read? {
            is_text(&response)?;
        }
    }
    Ok(())
}
