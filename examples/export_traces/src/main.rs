// cargo run -p export_traces -- http://localhost:4318/v1/traces

//! Sends the spans of a run to a collector that takes OTLP: Jaeger, Tempo, or
//! whatever else speaks it. Two researchers ask a model at the same time, and
//! one of them has to ask twice.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::{error::Error, process::ExitCode, time::Duration};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use tracing::{Instrument, info, info_span};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Append)]
    findings: Vec<String>,
    answer: String,
}

/// Stands for a call to a model. Its span is inside the attempt that makes it,
/// and has the names that OpenTelemetry gives to such calls.
async fn ask(question: String) -> String {
    let span = info_span!(
        "chat",
        "otel.name" = "chat parrot-1",
        "otel.kind" = "client",
        "gen_ai.operation.name" = "chat",
        "gen_ai.request.model" = "parrot-1",
        "gen_ai.usage.output_tokens" = 7,
    );
    async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        format!("{question} - indeed")
    }
    .instrument(span)
    .await
}

async fn history(state: View<Research>) -> ResearchUpdate {
    Research::update().findings(ask(format!("how did {} begin?", state.topic)).await)
}

async fn terms(state: View<Research>, ctx: Ctx) -> NodeResult<ResearchUpdate> {
    if ctx.attempt() == 1 {
        return Err("the model is overloaded".into());
    }
    info!(attempt = ctx.attempt(), "the model has time again");
    Ok(Research::update().findings(ask(format!("what is {}?", state.topic)).await))
}

async fn synthesize(state: View<Research>) -> ResearchUpdate {
    Research::update().answer(state.findings.join("; "))
}

/// Collects spans in batches, and sends them to a URL from a thread of its own.
fn exporter(url: &str) -> Result<SdkTracerProvider, Box<dyn Error>> {
    // Where superstep has models, too, the exporter's HTTP client can do TLS, and
    // wants to know by whose cryptography. Whoever has said so before is heeded.
    drop(rustls::crypto::ring::default_provider().install_default());
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(url)
        .build()?;
    let service = Resource::builder().with_service_name("research").build();
    let provider = SdkTracerProvider::builder().with_resource(service);
    Ok(provider.with_batch_exporter(exporter).build())
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("Say where to send traces, and have something there that takes them:");
        eprintln!("  docker run -p 4318:4318 -p 16686:16686 jaegertracing/jaeger");
        eprintln!("  cargo run -p export_traces -- http://localhost:4318/v1/traces");
        return Ok(ExitCode::from(2));
    };
    let provider = exporter(&url)?;
    // Whatever says what is logged can stand beside it: a filter, `fmt`.
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("superstep"));
    tracing_subscriber::registry().with(spans).try_init()?;

    let retry = Retry::attempts(3).delay(Duration::from_millis(50));
    let graph = StateGraph::<Research>::new("research")
        .add_node("history", history)
        .add_node("terms", node(terms).retry(retry))
        .add_node("synthesize", synthesize)
        .add_edge(START, ["history", "terms"])
        .add_edge(["history", "terms"], "synthesize")
        .add_edge("synthesize", END)
        .compile()?;
    let run = graph.invoke(Research::update().topic("space")).await?;
    println!("{}", run.state.answer);
    assert_eq!(run.state.findings.len(), 2, "both have found something");

    // Sends what has not been sent: `shutdown` does, too, but says nothing of errors.
    if let Err(error) = provider.force_flush() {
        eprintln!("error: the spans have not all arrived at {url}: {error}");
        return Ok(ExitCode::FAILURE);
    }
    provider.shutdown()?;
    Ok(ExitCode::SUCCESS)
}
