//! How a model calls tools. One that calls none passes.

use std::collections::BTreeSet;

use super::scene::{Scene, add, answered, is_call, is_text, look_up};
use super::verdict::{Verdict, equal, holds};
use crate::{ChatModel, Finish, ModelRequest, ModelResponse, ToolChoice};

const SUM: &str = "What is 17 and 25? Call the tool.";
const BOTH: &str = "What is 17 and 25, and how is the weather in Oslo? Call both tools at once.";

fn sum(choice: ToolChoice) -> ModelRequest {
    ModelRequest::from(SUM).tool(add()).tool_choice(choice)
}

fn both() -> ModelRequest {
    let request = ModelRequest::from(BOTH).tool(add()).tool(look_up());
    request.tool_choice(ToolChoice::Required)
}

fn calls_add(response: &ModelResponse) -> Verdict {
    let mut calls = response.message.tool_calls();
    let call = calls.next();
    holds(call.is_some(), "no tool is called", response)?;
    call.map_or(Ok(()), |call| is_call(call, &["add"]))?;
    let says = matches!(response.finish, Finish::ToolCalls | Finish::Stop);
    holds(says, "it does not end with its calls", response)
}

pub async fn the_one_that_is_named_is_called<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let named = ToolChoice::Named("add".to_owned());
    let request = sum(named).tool(look_up());
    calls_add(&scene.ask(request).await?)
}

pub async fn some_tool_is_called_where_one_must_be<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let response = scene.ask(sum(ToolChoice::Required)).await?;
    calls_add(&response)?;
    equal("why it ends", &response.finish, &Finish::ToolCalls)
}

pub async fn none_is_called_where_none_may_be<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let response = scene.ask(sum(ToolChoice::None)).await?;
    let calls = response.message.tool_calls().count();
    equal("how many tools are called", &calls, &0)
}

pub async fn a_result_goes_back<M: ChatModel>(scene: Scene<M>) -> Verdict {
    goes_back(&scene, "42", false).await
}

pub async fn a_failure_goes_back<M: ChatModel>(scene: Scene<M>) -> Verdict {
    goes_back(&scene, "the numbers are too large", true).await
}

async fn goes_back<M: ChatModel>(scene: &Scene<M>, result: &str, is_error: bool) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let request = sum(ToolChoice::Required);
    let calls = scene.ask(request.clone()).await?.message;
    let request = answered(request, calls, result, is_error);
    is_text(&scene.ask(request.tool_choice(ToolChoice::None)).await?)
}

/// It may call one after the other, too.
pub async fn several_calls_have_ids_of_their_own<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let message = scene.ask(both()).await?.message;
    for call in message.tool_calls() {
        is_call(call, &["add", "look_up"])?;
    }
    let ids: BTreeSet<&str> = message.tool_calls().map(|call| &*call.id).collect();
    let n_calls = message.tool_calls().count();
    holds(n_calls > 0, "no tool is called", &message)?;
    holds(ids.len() == n_calls, "two calls have the same id", &message)
}

pub async fn results_of_several_calls_go_back<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let calls = scene.ask(both()).await?.message;
    let request = answered(both(), calls, "42", false);
    is_text(&scene.ask(request.tool_choice(ToolChoice::None)).await?)
}

pub async fn one_is_called_where_one_may_be<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    let message = scene.ask(both().parallel_tool_calls(false)).await?.message;
    let n_calls = message.tool_calls().count();
    equal("how many tools are called at once", &n_calls, &1)
}

pub async fn a_call_comes_piece_by_piece<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.tools {
        return Ok(());
    }
    match scene.read(sum(ToolChoice::Required)).await? {
        Some((response, _)) => calls_add(&response),
        None => Ok(()),
    }
}
