//! Agents that are called as tools.

use std::time::Duration;

use serde_json::json;
use superstep::{
    CustomAgent, Escalate, LlmAgent, LoopAgent, MemoryCheckpointer, ModelErrorKind, Reply,
    ScriptedModel, Session, Status, Toolbox, Update, View, tool,
};

use crate::common::{graph, lines, said};

fn ask(agent: &str, request: &str) -> (String, serde_json::Value) {
    (agent.to_owned(), json!({ "request": request }))
}

fn boss() -> LlmAgent {
    LlmAgent::new("boss").agent_tools([
        LlmAgent::new("news")
            .description("Knows news.")
            .output_key("news"),
        LlmAgent::new("weather")
            .description("Knows weather.")
            .output_key("weather"),
    ])
}

#[tokio::test(start_paused = true)]
async fn agents_are_called_at_once_and_their_answers_are_results() {
    let model = ScriptedModel::new().on_node(
        "model",
        [
            Reply::calls([ask("news", "today"), ask("weather", "Oslo")]),
            Reply::from("Rain and peace."),
        ],
    );
    let inside = ScriptedModel::new()
        .on(
            "today",
            Reply::from("peace").latency(Duration::from_millis(100)),
        )
        .on(
            "Oslo",
            Reply::from("rain").latency(Duration::from_millis(50)),
        );
    let agent = LlmAgent::new("boss").model(model.model()).agent_tools([
        LlmAgent::new("news")
            .description("Knows news.")
            .output_key("news")
            .model(inside.model()),
        LlmAgent::new("weather")
            .description("Knows weather.")
            .output_key("weather")
            .model(inside.model()),
    ]);
    let begin = tokio::time::Instant::now();
    let run = graph(agent.build())
        .invoke(Session::ask("How is the world?"))
        .await;
    let run = run.expect("it runs");
    assert_eq!(begin.elapsed(), Duration::from_millis(100));
    assert_eq!(
        said(&run.state)[2..],
        [
            "tool (boss): news -> peace",
            "tool (boss): weather -> rain",
            "assistant (boss): Rain and peace."
        ]
    );
    // What they write holds, and what they use is counted.
    assert_eq!(run.state.get::<String>("news").as_deref(), Some("peace"));
    assert_eq!(run.usage().total().calls, 4);
    // They are asked what the call says, and nothing else.
    assert_eq!(lines(&inside.calls()[0]), ["user: today"]);
    let tools = &model.calls()[0].request.tools;
    assert_eq!(tools[0].description, "Knows news.");
    assert_eq!(tools[0].parameters["required"], json!(["request"]));
}

#[tokio::test]
async fn what_fails_is_told_to_the_model() {
    let model = ScriptedModel::new().on_node(
        "model",
        [
            Reply::calls([
                ask("news", "today"),
                ("weather".into(), json!({ "city": "Oslo" })),
                ask("stocks", "all"),
            ]),
            Reply::from("I do not know."),
        ],
    );
    let inside = ScriptedModel::new().otherwise(ModelErrorKind::Auth);
    let agents = boss().model(model.model());
    let agent = agents.agent_tools([LlmAgent::new("last").model(inside.model())]);
    let run = graph(agent.build())
        .invoke(Session::ask("How is the world?"))
        .await;
    let state = run.expect("it runs").state;
    let said = said(&state);
    assert_eq!(state.answer(), "I do not know.", "{said:#?}");
    let results: Vec<_> = said
        .iter()
        .filter(|line| line.starts_with("tool"))
        .collect();
    assert_eq!(results.len(), 3);
    // The cause alone, and not where in the graph it is.
    let news = "tool (boss): news -> `scripted`: the provider refuses the request";
    assert!(
        results.iter().any(|line| line.starts_with(news)),
        "{results:?}"
    );
    assert!(
        results
            .iter()
            .any(|line| line.contains("wrong arguments for `weather`")),
        "{results:?}"
    );
    assert!(
        results
            .iter()
            .any(|line| line.contains("there is no tool `stocks`")),
        "{results:?}"
    );
}

#[tokio::test]
async fn a_called_agent_knows_the_values_and_writes_more() {
    let inside = ScriptedModel::new().on_system("in French", "Bonjour.");
    let model = ScriptedModel::new().otherwise(Reply::turns([
        Reply::calls([ask("greeter", "greet")]),
        Reply::from("done"),
    ]));
    let greeter = LlmAgent::new("greeter")
        .model(inside.model())
        .instruction("Speak in {language}.")
        .output_key("greeting");
    let agent = LlmAgent::new("boss")
        .model(model.model())
        .agent_tools([greeter])
        .input(["language"]);
    let input = Session::ask("go").values(("language", "in French"));
    let run = graph(agent.build()).invoke(input).await.expect("it runs");
    assert_eq!(
        run.state.get::<String>("greeting").as_deref(),
        Some("Bonjour.")
    );
}

/// Pays.
#[tool(approve)]
async fn pay(amount: u32) -> String {
    format!("{amount} paid")
}

#[tokio::test]
async fn what_asks_inside_pauses_the_run_and_goes_on() {
    let inside = ScriptedModel::new().otherwise(Reply::turns([
        Reply::call("pay", json!({ "amount": 7 })),
        Reply::from("It is paid."),
    ]));
    let model = ScriptedModel::new().otherwise(Reply::turns([
        Reply::calls([ask("cashier", "pay 7")]),
        Reply::from("All done."),
    ]));
    let cashier = LlmAgent::new("cashier")
        .model(inside.model())
        .tools(Toolbox::new().add(pay));
    let agent = LlmAgent::new("boss")
        .model(model.model())
        .agent_tools([cashier]);
    let graph = agent.build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    let run = graph
        .invoke(Session::ask("go"))
        .thread("ann")
        .await
        .expect("it runs");
    assert_eq!(run.status, Status::Interrupted);
    let id = &run.interrupts()[0].id;
    assert!(
        id.starts_with("cashier/0/tools/0/") && id.ends_with("approve pay"),
        "{id}"
    );
    let run = graph
        .resume(superstep::Approval::Yes)
        .thread("ann")
        .await
        .expect("it runs");
    assert_eq!(run.state.answer(), "All done.");
    assert!(said(&run.state)[2].ends_with("cashier -> It is paid."));
    assert_eq!((model.calls().len(), inside.calls().len()), (2, 2));
}

#[tokio::test]
async fn a_function_can_be_called_too() {
    let model = ScriptedModel::new().otherwise(Reply::turns([
        Reply::calls([ask("shout", "hello")]),
        Reply::from("done"),
    ]));
    let shout = CustomAgent::new("shout", async |session: View<Session>| {
        let request = session.messages[0].text();
        Session::update().messages(superstep::Message::assistant(request.to_uppercase()))
    });
    let agent = LlmAgent::new("boss")
        .model(model.model())
        .agent_tools((shout,));
    let run = graph(agent.build())
        .invoke(Session::ask("go"))
        .await
        .expect("it runs");
    assert_eq!(said(&run.state)[2], "tool (boss): shout -> HELLO");
}

#[tokio::test]
async fn the_loops_of_who_calls_are_not_for_the_called_to_end() {
    let told = async |scope: Escalate| {
        let model = ScriptedModel::new().otherwise(Reply::turns([
            Reply::calls([ask("stop", "now")]),
            Reply::from("done"),
        ]));
        let stop = CustomAgent::new("stop", move |_: View<Session>| {
            let mut update = Session::update().values(("why", "enough"));
            update.extend(Session::escalate(scope.clone()));
            std::future::ready(update.messages(superstep::Message::assistant("stopped")))
        });
        let boss = LlmAgent::new("boss").agent_tools([stop.writes(["why"])]);
        let outer = LoopAgent::new("outer", [boss]).max_iterations(1);
        let run = graph(outer.model(model.model()).build()).invoke(Session::ask("go"));
        let state = run.await.expect("it runs").state;
        (said(&state)[2].clone(), state.get::<String>("why"))
    };
    // It fails, and what fails writes nothing.
    let (named, why) = told(Escalate::Named("outer".into())).await;
    assert_eq!(
        named,
        "tool (boss): stop -> there is no loop `outer` to end in `stop`"
    );
    assert_eq!(why, None);
    let (any, _) = told(Escalate::Loop).await;
    assert_eq!(
        any,
        "tool (boss): stop -> there is no loop to end in `stop`"
    );
    let (all, why) = told(Escalate::All).await;
    assert_eq!(all, "tool (boss): stop -> stopped");
    assert_eq!(why.as_deref(), Some("enough"));
}

#[tokio::test]
async fn an_agent_that_writes_is_called_once_in_a_message() {
    let model = ScriptedModel::new().on_node(
        "model",
        [
            Reply::calls([
                ask("news", "today"),
                ask("news", "sports"),
                ask("weather", "Oslo"),
            ]),
            Reply::calls([ask("news", "sports")]),
            Reply::from("That is all."),
        ],
    );
    let inside = ScriptedModel::new()
        .on("today", "peace")
        .on("sports", "a draw")
        .on("Oslo", "rain");
    let agents = ["news", "weather"].map(|name| LlmAgent::new(name).model(inside.model()));
    let [news, weather] = agents;
    let boss = LlmAgent::new("boss").model(model.model());
    let boss = boss.agent_tools([news.output_key("news"), weather]);
    let run = graph(boss.build()).invoke(Session::ask("go")).await;
    let state = run.expect("it runs").state;
    let mut results: Vec<_> = said(&state)[2..5].to_vec();
    results.sort();
    assert_eq!(
        results,
        [
            "tool (boss): news -> it keeps what it answers, and has room for one answer at a time: \
             call it once in a message, and then again in the next",
            "tool (boss): news -> peace",
            "tool (boss): weather -> rain",
        ]
    );
    assert_eq!(said(&state)[6], "tool (boss): news -> a draw");
    assert_eq!(state.get::<String>("news").as_deref(), Some("a draw"));
}

#[tokio::test]
async fn an_agent_that_writes_nothing_is_called_as_often_as_one_likes() {
    let model = ScriptedModel::new().on_node(
        "model",
        [
            Reply::calls([ask("news", "today"), ask("news", "sports")]),
            Reply::from("That is all."),
        ],
    );
    let inside = ScriptedModel::new()
        .on("today", "peace")
        .on("sports", "a draw");
    let news = LlmAgent::new("news").model(inside.model());
    let boss = LlmAgent::new("boss")
        .model(model.model())
        .agent_tools([news]);
    let run = graph(boss.build()).invoke(Session::ask("go")).await;
    let results = &said(&run.expect("it runs").state)[2..4];
    assert_eq!(
        results,
        ["tool (boss): news -> peace", "tool (boss): news -> a draw"]
    );
}
