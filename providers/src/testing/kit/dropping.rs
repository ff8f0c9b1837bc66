//! What a model is like after somebody did not want its answers any more.

use super::answers::CROWD;
use super::judge::{at_once, dropped_after};
use super::scene::{HELLO, Scene};
use super::verdict::Verdict;
use crate::ChatModel;

/// At so many of its awaits an answer is dropped, if it has as many.
const MOST_POLLS: usize = 12;

pub async fn a_dropped_answer_leaves_it_as_it_was<M: ChatModel>(scene: Scene<M>) -> Verdict {
    for n_polls in 0..MOST_POLLS {
        let came = dropped_after(n_polls, scene.model.generate(HELLO.into())).await;
        scene.answers().await?;
        if came {
            break;
        }
    }
    Ok(())
}

pub async fn a_dropped_stream_leaves_it_as_it_was<M: ChatModel>(scene: Scene<M>) -> Verdict {
    for n_pieces in 0..MOST_POLLS {
        let Some(mut stream) = scene.model.stream(&HELLO.into()) else {
            return Ok(());
        };
        for _ in 0..n_pieces {
            if let Some(delta) = stream.next().await {
                delta?;
            }
        }
        dropped_after(1, stream.next()).await;
        drop(stream);
        scene.answers().await?;
    }
    Ok(())
}

pub async fn a_stream_that_is_never_read_leaves_it_as_it_was<M: ChatModel>(
    scene: Scene<M>,
) -> Verdict {
    let unread: Vec<_> = (0..CROWD)
        .map(|_| scene.model.stream(&HELLO.into()))
        .collect();
    scene.answers().await?;
    drop(unread);
    scene.answers().await
}

pub async fn of_many_that_are_dropped_none_holds_up_the_next<M: ChatModel>(
    scene: Scene<M>,
) -> Verdict {
    let asked = (0..CROWD).map(|n| dropped_after(1 + n % 3, scene.model.generate(HELLO.into())));
    at_once(asked.collect()).await;
    scene.answers().await
}
