//! What a model answers, in one piece.

use super::judge::at_once;
use super::scene::{HELLO, Scene, is_text};
use super::verdict::{Verdict, equal, holds};
use crate::{ChatModel, Finish, Message, ModelErrorKind, ModelRequest};

/// How many ask at once.
pub(super) const CROWD: usize = 50;

pub async fn it_has_a_name<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let name = scene.model.name();
    holds(!name.trim().is_empty(), "it has no name", &name)
}

pub async fn it_can_what_it_is_said_to<M: ChatModel>(scene: Scene<M>) -> Verdict {
    equal("what it can", &scene.model.capabilities(), &scene.can)
}

pub async fn it_answers<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let response = scene.ask(HELLO).await?;
    is_text(&response)?;
    equal("why it ends", &response.finish, &Finish::Stop)
}

pub async fn an_answer_says_what_it_has_used<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let used = scene.ask(HELLO).await?.usage;
    holds(used.input > 0, "it does not say how much was sent", &used)?;
    holds(used.output > 0, "it does not say how much came back", &used)?;
    let parts = used.cached.max(used.cache_written) <= used.input && used.reasoning <= used.output;
    holds(parts, "a part of what was used is more than all", &used)
}

pub async fn a_system_message_is_taken<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from(HELLO).system("You are friendly.");
    is_text(&scene.ask(request).await?)
}

pub async fn a_conversation_goes_on<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from(HELLO);
    let answer = scene.ask(request.clone()).await?.message;
    let request = request.message(answer).message("Say it again.");
    is_text(&scene.ask(request).await?)
}

pub async fn names_and_ids_are_taken<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from([
        Message::user("I am here.").named("ann").with_id("1"),
        Message::assistant("So am I.").with_id("2"),
        Message::user(HELLO).named("bob").with_id("3"),
    ]);
    is_text(&scene.ask(request).await?)
}

pub async fn any_language_is_taken<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let text = format!("{HELLO} – «Привет» 你好 👋🏽 e\u{301} \u{202e}x\u{202c} \"\\ \n\t\u{1}");
    is_text(&scene.ask(text).await?)
}

pub async fn long_conversations_are_taken<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let mut request = ModelRequest::default();
    for turn in 0..100 {
        request = request.message(format!("This is number {turn}."));
        request = request.message(Message::assistant("I see."));
    }
    is_text(&scene.ask(request.message(HELLO)).await?)
}

/// It may think with those tokens, and say nothing.
pub async fn an_answer_that_is_too_long_says_so<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from("Count from one to a hundred, in words.").max_tokens(16);
    let response = scene.ask(request).await?;
    let fits = response.usage.output <= 16;
    let says = response.finish == Finish::Length;
    holds(fits || says, "it is longer than it may be", &response)?;
    let n_words = response.message.text().split_whitespace().count();
    holds(
        says || n_words < 100,
        "it was cut and does not say so",
        &response,
    )
}

/// One whose interface knows no such text says so.
pub async fn an_answer_ends_before_what_stops_it<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let request = ModelRequest::from("Say exactly: one two three").stop("two");
    let response = match scene.model.generate(request).await {
        Err(error) if error.kind == ModelErrorKind::Unsupported => return Ok(()),
        answered => answered?,
    };
    let stops = !response.message.text().contains("two");
    holds(stops, "it goes on after what was to stop it", &response)
}

pub async fn fifty_ask_at_once<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let asked = (0..CROWD).map(|_| scene.ask(HELLO)).collect();
    for response in at_once(asked).await {
        is_text(&response?)?;
    }
    Ok(())
}
