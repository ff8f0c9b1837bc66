// cargo run --example validate_input [--features progress]

//! A form is checked in several ways at once, and every mistake is shown. A
//! question is answered beside a guard, whose veto cancels the answer before it
//! is sent.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{CompileError, Graph, RunError};
use support::shown::shown;

mod support {
    pub(crate) mod shown;
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Form {
    email: String,
    phone: String,
    message: String,
    /// What is wrong, in the order of the checks' names.
    #[reduce(Append)]
    mistakes: Vec<String>,
}

/// A check that finds a mistake, or nothing.
fn found(mistake: Option<&str>) -> Option<FormUpdate> {
    mistake.map(|mistake| Form::update().mistakes(mistake))
}

async fn email(form: View<Form>) -> Option<FormUpdate> {
    let fine = form
        .email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    found((!fine).then_some("the email address has no host"))
}

async fn phone(form: View<Form>) -> Option<FormUpdate> {
    let digits = form.phone.chars().filter(char::is_ascii_digit).count();
    found((digits < 6).then_some("the phone number is too short"))
}

async fn length(form: View<Form>) -> Option<FormUpdate> {
    found(form.message.is_empty().then_some("there is no message"))
}

fn checks() -> Result<Graph<Form>, CompileError> {
    StateGraph::<Form>::new("checks")
        .add_node("email", email)
        .add_node("length", length)
        .add_node("phone", phone)
        .add_edge(START, ["email", "length", "phone"])
        .compile()
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Talk {
    question: String,
    answer: String,
}

/// Where answers go, which cannot be taken back.
#[derive(Default)]
struct Mailbox {
    sent: AtomicU32,
}

/// Stands for a language model: slow, and paid for by the second.
async fn answer(talk: View<Talk>) -> TalkUpdate {
    tokio::time::sleep(Duration::from_millis(400)).await;
    Talk::update().answer(format!("you asked: {}", talk.question))
}

/// Quick, and has a veto: when it fails, the answer at work beside it is
/// cancelled, and nothing follows.
async fn guard(talk: View<Talk>) -> NodeResult<()> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    if talk.question.contains("password") {
        return Err("it asks for a password".into());
    }
    Ok(())
}

/// The effect: it comes after both.
async fn send(_: View<Talk>, mailbox: Ctx<Mailbox>) {
    mailbox.sent.fetch_add(1, Ordering::Relaxed);
}

fn guarded() -> Result<Graph<Talk, Mailbox>, CompileError> {
    StateGraph::<Talk, Mailbox>::new("guarded")
        .add_node("answer", answer)
        .add_node("guard", guard)
        .add_node("send", send)
        .add_edge(START, ["answer", "guard"])
        .add_edge(["answer", "guard"], "send")
        .compile()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let form = Form::update().email("ann@").phone("12").message("hello");
    let mistakes = shown(checks()?.invoke(form)).await?.state.mistakes;
    println!("The form:");
    for mistake in &mistakes {
        println!("  - {mistake}");
    }

    let (graph, mailbox) = (guarded()?, Arc::new(Mailbox::default()));
    println!("\nThe questions:");
    let mut vetoed = 0;
    for question in ["what is the time", "what is her password"] {
        let run = graph
            .invoke(Talk::update().question(question))
            .context(Arc::clone(&mailbox));
        match shown(run).await {
            Ok(run) => println!("  - {question}? sent: {}", run.state.answer),
            Err(RunError::Node { node, source, .. }) if node == "guard" => {
                vetoed += 1;
                println!("  - {question}? vetoed: {source}; its answer was cancelled");
            }
            Err(error) => return Err(error.into()),
        }
    }

    assert_eq!(mistakes.len(), 2);
    assert_eq!((mailbox.sent.load(Ordering::Relaxed), vetoed), (1, 1));
    Ok(())
}
