//! The kit finds nothing wrong with the models for tests, and something with each
//! that has a fault.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use superstep_providers::{
    __model_kit as kit, Capabilities, ChatModel, Delta, Finish, FnModel, Message, ModelError,
    ModelErrorKind, ModelRequest, ModelResponse, ModelStream, OutputFormat, Part, Reply, Role,
    ScriptedModel, TestModel, TokenUsage, ToolChoice, chat_model_kit,
};

const NUMBERS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen \
                       fourteen fifteen sixteen seventeen eighteen nineteen twenty";

/// Does what it is told.
pub(crate) fn obedient() -> ScriptedModel {
    let must_call = |request: &ModelRequest| {
        matches!(
            request.tool_choice,
            ToolChoice::Required | ToolChoice::Named(_)
        )
    };
    ScriptedModel::new()
        .when(move |request, _| must_call(request), Reply::with(calls))
        .when(
            |request, _| request.output != OutputFormat::Text,
            json!({ "name": "Oslo", "people": 709_000 }),
        )
        .on("Count", NUMBERS)
        .on("Say exactly", "one two three")
        .otherwise("Hello to you, too.")
}

fn calls(request: &ModelRequest) -> Reply {
    let named = |tool: &str| request.tool_choice == ToolChoice::Named(tool.to_owned());
    let any = request.tool_choice == ToolChoice::Required;
    let tools = request.tools.iter().map(|tool| tool.name.clone());
    let most = match request.parallel_tool_calls {
        Some(false) => 1,
        _ => usize::MAX,
    };
    let tools = tools.filter(|tool| any || named(tool)).take(most);
    Reply::calls(tools.map(|tool| (tool, json!({ "a": 17, "b": 25, "city": "Oslo" }))))
}

fn text_only() -> Capabilities {
    Capabilities::text()
}

chat_model_kit!(
    scripted,
    async { obedient() },
    Capabilities::all(),
    fails: async { ScriptedModel::new().otherwise(Reply::text("a b c").breaks_after(2)) },
);
chat_model_kit!(
    scripted_text,
    async { obedient().capabilities(text_only()) },
    text_only(),
    fails: async { ScriptedModel::new() },
);
chat_model_kit!(test_model, async { TestModel::new() }, Capabilities::all());
chat_model_kit!(
    function,
    async {
        let inner = obedient();
        FnModel::new(move |request| {
            let inner = inner.clone();
            async move { inner.generate(request).await }
        })
    },
    Capabilities::all(),
    fails: async { FnModel::new(|_| async { Err(ModelErrorKind::Auth.into()) }) },
);
chat_model_kit!(
    streaming_function,
    async {
        let inner = obedient();
        FnModel::streaming(move |request| inner.stream(&request).expect("it can"))
    },
    Capabilities::all(),
    fails: async {
        let inner = ScriptedModel::new().otherwise(Reply::rate_limited(None));
        FnModel::streaming(move |request| inner.stream(&request).expect("it can"))
    },
);

/// Declares the faults, each with the case that is to find it.
macro_rules! faults {
    ($($fault:ident: $case:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Fault {
            $($fault),*
        }

        const FAULTS: &[(Fault, &str)] = &[$((Fault::$fault, $case)),*];
    };
}

faults! {
    NoName: "answers::it_has_a_name",
    SaysItCannot: "answers::it_can_what_it_is_said_to",
    SaysNothing: "answers::it_answers",
    IsTheUser: "answers::it_answers",
    NeverSaysStop: "answers::it_answers",
    CountsNothing: "answers::an_answer_says_what_it_has_used",
    CachesMoreThanAll: "answers::an_answer_says_what_it_has_used",
    RefusesSystem: "answers::a_system_message_is_taken",
    ForgetsToGoOn: "answers::a_conversation_goes_on",
    RefusesNames: "answers::names_and_ids_are_taken",
    RefusesUnicode: "answers::any_language_is_taken",
    RefusesLong: "answers::long_conversations_are_taken",
    IgnoresMost: "answers::an_answer_that_is_too_long_says_so",
    HidesThatItIsCut: "streams::one_that_is_too_long_says_so",
    IgnoresStops: "answers::an_answer_ends_before_what_stops_it",
    TenAtOnce: "answers::fifty_ask_at_once",
    TenStreamsAtOnce: "streams::fifty_are_read_at_once",
    StreamsOtherText: "streams::it_is_what_the_whole_answer_is",
    StreamsNothing: "streams::put_together_it_is_an_answer",
    StreamsNoUsage: "streams::it_says_what_it_has_used",
    EndsTwice: "streams::it_says_once_why_it_ends",
    EndsTooSoon: "streams::it_says_once_why_it_ends",
    EmptyPieces: "streams::no_piece_is_empty",
    CallsNothing: "tools::the_one_that_is_named_is_called",
    CallsAnother: "tools::the_one_that_is_named_is_called",
    CallsWithText: "tools::some_tool_is_called_where_one_must_be",
    CallsAndStops: "tools::some_tool_is_called_where_one_must_be",
    CallsWhereItMustNot: "tools::none_is_called_where_none_may_be",
    RefusesResults: "tools::a_result_goes_back",
    RefusesFailures: "tools::a_failure_goes_back",
    SameIds: "tools::several_calls_have_ids_of_their_own",
    RefusesTwoResults: "tools::results_of_several_calls_go_back",
    AlwaysCallsAll: "tools::one_is_called_where_one_may_be",
    StreamsNoArguments: "tools::a_call_comes_piece_by_piece",
    WrapsJson: "shapes::json_is_json",
    IgnoresSchemas: "shapes::a_schema_is_kept",
    StreamsOtherShapes: "shapes::a_schema_is_kept_piece_by_piece",
    GivesNoType: "shapes::an_answer_of_a_type_is_given",
    KeepsWhatIsDropped: "dropping::a_dropped_answer_leaves_it_as_it_was",
    KeepsDroppedStreams: "dropping::a_dropped_stream_leaves_it_as_it_was",
    KeepsUnreadStreams: "dropping::a_stream_that_is_never_read_leaves_it_as_it_was",
    KeepsMany: "dropping::of_many_that_are_dropped_none_holds_up_the_next",
    Answers: "failing::an_answer_fails",
    FailsInLines: "failing::an_error_says_what_happened",
    StreamsWell: "failing::a_streams_error_is_its_last_item",
    FailsAtTheEnd: "failing::a_stream_that_fails_never_says_that_it_is_complete",
    FailsOnce: "failing::it_fails_as_often_as_it_is_asked",
}

/// An obedient model but for its fault.
struct Faulty {
    fault: Fault,
    inner: ScriptedModel,
    at_work: Arc<AtomicUsize>,
    /// How often it was asked.
    n_asked: AtomicUsize,
}

/// That somebody is at work.
struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            inner: obedient().latency(std::time::Duration::from_micros(10)),
            at_work: Arc::default(),
            n_asked: AtomicUsize::new(0),
        }
    }

    fn busy(&self) -> Option<ModelError> {
        let most = match self.fault {
            Fault::KeepsMany => 1,
            _ => 10,
        };
        (self.at_work.load(Ordering::Relaxed) > most).then(|| ModelErrorKind::Transport.into())
    }

    fn begin(&self) -> AtWork {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(&self.at_work))
    }

    fn refuses(&self, request: &ModelRequest) -> bool {
        let messages = &request.messages;
        let results = messages.iter().flat_map(|message| &message.parts);
        let results: Vec<bool> = results
            .filter_map(|part| match part {
                Part::ToolResult(result) => Some(result.is_error),
                _ => None,
            })
            .collect();
        match self.fault {
            Fault::RefusesSystem => messages.iter().any(|m| m.role == Role::System),
            Fault::ForgetsToGoOn => messages.iter().any(|m| m.role == Role::Assistant),
            Fault::RefusesNames => messages.iter().any(|m| m.name.is_some()),
            Fault::RefusesUnicode => messages.iter().any(|m| !m.text().is_ascii()),
            Fault::RefusesLong => messages.len() > 100,
            Fault::RefusesResults => !results.is_empty(),
            Fault::RefusesFailures => results.contains(&true),
            Fault::RefusesTwoResults => results.len() > 1,
            _ => false,
        }
    }

    fn wrong_request(&self, mut request: ModelRequest) -> ModelRequest {
        match self.fault {
            Fault::IgnoresMost | Fault::HidesThatItIsCut => request.max_tokens = None,
            Fault::IgnoresStops => request.stop.clear(),
            Fault::CallsNothing => request.tool_choice = ToolChoice::Auto,
            Fault::CallsAnother => request.tool_choice = ToolChoice::Required,
            Fault::CallsWhereItMustNot if !request.tools.is_empty() => {
                request.tool_choice = ToolChoice::Required;
            }
            Fault::AlwaysCallsAll => request.parallel_tool_calls = None,
            _ => {}
        }
        if self.fault == Fault::CallsAnother {
            request.tools.reverse();
        }
        request
    }

    fn wrong(&self, mut response: ModelResponse, request: &ModelRequest) -> ModelResponse {
        let is_shape = request.output != OutputFormat::Text;
        match self.fault {
            Fault::SaysNothing => response.message.parts.clear(),
            Fault::IsTheUser => response.message.role = Role::User,
            Fault::NeverSaysStop => response.finish = Finish::Other("eos".to_owned()),
            Fault::CountsNothing => response.usage = TokenUsage::default(),
            Fault::CachesMoreThanAll => response.usage.cached = 1_000_000,
            Fault::CallsWithText => {
                each_call(&mut response, |_, call| call.arguments = "a=1".into());
            }
            Fault::CallsAndStops => response.finish = Finish::Stop,
            Fault::SameIds => each_call(&mut response, |_, call| call.id = "1".into()),
            Fault::WrapsJson if request.output == OutputFormat::Json => {
                response.message = Message::assistant("Sure! {}");
            }
            Fault::IgnoresSchemas if is_shape => response.message = Message::assistant("{}"),
            Fault::GivesNoType if is_shape => response.message = Message::assistant("Oslo"),
            _ => {}
        }
        response
    }

    fn wrong_deltas(&self, deltas: Vec<Delta>, request: &ModelRequest) -> Vec<Delta> {
        let mut deltas = deltas;
        match self.fault {
            Fault::StreamsOtherText => deltas.insert(
                1,
                Delta::Text {
                    text: "Oh: ".into(),
                },
            ),
            Fault::StreamsNothing => deltas.retain(|d| !matches!(d, Delta::Text { .. })),
            Fault::StreamsNoUsage => deltas.retain(|d| !matches!(d, Delta::Usage(_))),
            Fault::EndsTwice => deltas.push(Delta::Finished(Finish::Stop)),
            Fault::EndsTooSoon => deltas.insert(1, deltas[deltas.len() - 1].clone()),
            Fault::EmptyPieces => deltas.insert(
                1,
                Delta::Text {
                    text: String::new(),
                },
            ),
            Fault::StreamsNoArguments => {
                for delta in &mut deltas {
                    if let Delta::ToolCall { arguments, .. } = delta {
                        arguments.clear();
                    }
                }
            }
            Fault::StreamsOtherShapes if request.output != OutputFormat::Text => {
                deltas.insert(
                    1,
                    Delta::Text {
                        text: "Sure: ".into(),
                    },
                );
            }
            _ => {}
        }
        deltas
    }
}

fn each_call(
    response: &mut ModelResponse,
    mut change: impl FnMut(usize, &mut superstep_providers::ToolCall),
) {
    for (at, part) in response.message.parts.iter_mut().enumerate() {
        if let Part::ToolCall(call) = part {
            change(at, call);
        }
    }
}

fn fails(fault: Fault) -> Option<ModelError> {
    let error = match fault {
        Fault::FailsInLines => ModelError::new(ModelErrorKind::Auth).message("one\ntwo"),
        Fault::StreamsWell | Fault::FailsAtTheEnd => ModelErrorKind::Auth.into(),
        _ => return None,
    };
    Some(error)
}

impl ChatModel for Faulty {
    fn name(&self) -> &str {
        match self.fault {
            Fault::NoName => " ",
            _ => "faulty",
        }
    }

    fn capabilities(&self) -> Capabilities {
        match self.fault {
            Fault::SaysItCannot => Capabilities::text(),
            _ => Capabilities::all(),
        }
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        let n_asked = self.n_asked.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = fails(self.fault) {
            return Err(error);
        }
        if self.fault == Fault::FailsOnce && n_asked == 0 || self.refuses(&request) {
            return Err(ModelErrorKind::BadRequest.into());
        }
        let before = self.at_work.load(Ordering::Relaxed);
        let is_full = match self.fault {
            Fault::KeepsDroppedStreams => before > 0,
            Fault::KeepsUnreadStreams => before > 10,
            _ => false,
        };
        if is_full {
            return Err(ModelErrorKind::Transport.into());
        }
        let at_work = self.begin();
        match self.fault {
            Fault::TenAtOnce | Fault::KeepsMany => {
                if let Some(error) = self.busy() {
                    return Err(error);
                }
            }
            Fault::KeepsWhatIsDropped if self.at_work.load(Ordering::Relaxed) > 1 => {
                return Err(ModelErrorKind::Transport.into());
            }
            _ => {}
        }
        let mut guard = None;
        match self.fault {
            // Whoever drops it now never gives it back.
            Fault::KeepsWhatIsDropped | Fault::KeepsMany => std::mem::forget(at_work),
            _ => guard = Some(at_work),
        }
        let right = self.wrong_request(request.clone());
        let response = self.inner.generate(right).await?;
        if guard.is_none() {
            self.at_work.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(self.wrong(response, &request))
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        if self.fault == Fault::FailsAtTheEnd {
            let whole = ModelResponse::text("well")
                .into_deltas()
                .into_iter()
                .map(Ok);
            let error = Err(ModelErrorKind::Transport.into());
            return Some(of(whole.chain([error]).collect()));
        }
        if matches!(
            self.fault,
            Fault::KeepsDroppedStreams | Fault::KeepsUnreadStreams | Fault::TenStreamsAtOnce
        ) {
            return Some(self.counted(request));
        }
        let request = self.wrong_request(request.clone());
        let response = ready(
            self.inner
                .clone()
                .latency(std::time::Duration::ZERO)
                .generate(request.clone()),
        )?;
        let response = self.wrong(response, &request);
        let mut response = response;
        if self.fault == Fault::HidesThatItIsCut {
            response.finish = Finish::Stop;
        }
        let deltas = response.into_deltas();
        let deltas = self.wrong_deltas(deltas, &request);
        Some(of(deltas.into_iter().map(Ok).collect()))
    }
}

impl Faulty {
    /// A stream that counts, with the fault that it counts wrongly.
    fn counted(&self, request: &ModelRequest) -> ModelStream {
        let at_work = self.begin();
        let most = match self.fault {
            Fault::TenStreamsAtOnce | Fault::KeepsUnreadStreams => 10,
            _ => 3,
        };
        let is_full = self.at_work.load(Ordering::Relaxed) > most;
        if self.fault == Fault::KeepsDroppedStreams {
            // Given back at the end alone.
            std::mem::forget(at_work);
            let (inner, request) = (self.inner.clone(), request.clone());
            let counter = Arc::clone(&self.at_work);
            return ModelStream::whole(async move {
                let response = inner.generate(request).await;
                counter.fetch_sub(1, Ordering::Relaxed);
                match is_full {
                    true => Err(ModelErrorKind::Transport.into()),
                    false => response,
                }
            });
        }
        let (inner, request) = (self.inner.clone(), request.clone());
        ModelStream::whole(async move {
            let _at_work = at_work;
            match is_full {
                true => Err(ModelErrorKind::Transport.into()),
                false => inner.generate(request).await,
            }
        })
    }
}

/// What a future comes to that waits for nothing.
fn ready<T>(future: impl Future<Output = Result<T, ModelError>>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let waker = std::task::Waker::noop();
    match future
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker))
    {
        std::task::Poll::Ready(answer) => answer.ok(),
        std::task::Poll::Pending => None,
    }
}

fn of(items: Vec<Result<Delta, ModelError>>) -> ModelStream {
    ModelStream::new(Items(items.into_iter()))
}

struct Items(std::vec::IntoIter<Result<Delta, ModelError>>);

impl futures_core::Stream for Items {
    type Item = Result<Delta, ModelError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

/// Says what the case finds wrong with one that has the fault.
fn judged(fault: Fault, case: &kit::Case<Faulty>) -> Result<(), String> {
    let made = async { Faulty::new(fault) };
    let judged = catch_unwind(|| kit::judge(made, Capabilities::all(), case.1));
    judged.unwrap_or_else(|_| Err("it panics".to_owned()))
}

#[test]
fn every_fault_is_found_by_the_case_that_is_about_it() {
    let cases = kit::cases::<Faulty>();
    let missed = FAULTS.iter().filter(|(fault, name)| {
        let case = cases.iter().find(|case| case.0 == *name);
        judged(*fault, case.expect("there is such a case")).is_ok()
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn every_case_finds_a_fault() {
    // A stream's end is kept by `ModelStream` itself.
    let kept = ["streams::it_ends_once"];
    let idle = kit::cases::<Faulty>().into_iter().map(|case| case.0);
    let idle = idle.filter(|name| !FAULTS.iter().any(|(_, case)| case == name));
    assert_eq!(idle.collect::<Vec<_>>(), kept);
}
