//! JSON lines on standard output, for the tests that started this program.
use std::fmt::{self, Write as _};
use std::io::Write as _;

use roam_types::{MetadataEntry, MetadataValue};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span;

/// Prints an object with the name of an event and its fields. Each line is flushed: a test waits for it.
pub fn print(event: &str, mut fields: Value) {
    fields["ev"] = event.into();
    let mut out = std::io::stdout().lock();
    // The test may have closed the pipe already.
    let _ = writeln!(out, "{fields}");
    let _ = out.flush();
}

pub fn metadata_json(metadata: &[MetadataEntry<'_>]) -> Value {
    let entry = |entry: &MetadataEntry<'_>| {
        let value = match &entry.value {
            MetadataValue::String(text) => json!({"string": text}),
            MetadataValue::Bytes(bytes) => json!({"bytes": bytes}),
            // JSON's numbers are too small for it.
            MetadataValue::U64(number) => json!({"u64": number.to_string()}),
        };
        json!({"key": entry.key, "value": value, "flags": format!("{:?}", entry.flags)})
    };
    metadata.iter().map(entry).collect()
}

/// Prints what the crates log, where `--log` asks for it.
pub struct LogPrinter;

impl tracing::Subscriber for LogPrinter {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("roam")
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = LogText(String::new());
        event.record(&mut text);
        let level = event.metadata().level().as_str();
        print("log", json!({"level": level, "text": text.0.trim()}));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct LogText(String);

impl Visit for LogText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
