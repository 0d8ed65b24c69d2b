//! A line of the log as one JSON object.
//!
//! The library's own form leaves out what caused an error; this one has it, as the form for a terminal does.

use std::{error::Error, fmt, time::SystemTime};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::{LookupSpan, Scope},
};

use crate::domain::clock::rfc3339;

/// `{"timestamp","level","target","message",<fields>,"spans":[{"name",<fields>}]}`; the formatter of fields has to be
/// the library's for JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json;

impl<S, F> FormatEvent<S, F> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, F>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // What comes over the bridge from `log` carries its place in fields.
        let bridged = event.normalized_metadata();
        let metadata = bridged.as_ref().unwrap_or_else(|| event.metadata());
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let mut line = Line::default();
        line.put("timestamp", rfc3339(now));
        line.put("level", metadata.level().as_str());
        line.put("target", metadata.target());
        event.record(&mut line);
        let mut spans = Vec::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<F>>();
            let fields = fields.and_then(|fields| serde_json::from_str(fields.as_str()).ok());
            let mut fields: Map<String, Value> = fields.unwrap_or_default();
            fields.insert("name".to_owned(), span.name().into());
            spans.push(Value::Object(fields));
        }
        line.put("spans", spans);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// The fields of a line.
#[derive(Default)]
struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        if !name.starts_with("log.") {
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field.name(), value.to_string());
        let mut sources = Vec::new();
        let mut error = value;
        while let Some(source) = error.source() {
            sources.push(source.to_string());
            error = source;
        }
        if !sources.is_empty() {
            self.put(&format!("{}.sources", field.name()), sources);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{
        fmt::{self as lines, format::JsonFields},
        layer::SubscriberExt as _,
        registry,
    };

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Failed(#[source] io::Error);

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_stands_in_its_line_with_what_caused_it_and_where_it_came_from() {
        let paper = Paper::default();
        let writer = paper.clone();
        let layer = lines::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(registry().with(layer), || {
            let _span = tracing::info_span!("session", session.id = "ses_1").entered();
            let error = Failed(io::Error::other("the disk is full"));
            tracing::warn!(
                error = &error as &dyn Error,
                attempt = 3,
                "not written to \"{}\"",
                "a"
            );
        });
        let written = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert!(written.ends_with('\n') && written.matches('\n').count() == 1);
        let line: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["target"], "wharf::telemetry::json::tests");
        assert_eq!(line["message"], "not written to \"a\"");
        assert_eq!(line["attempt"], 3);
        assert_eq!(line["error"], "the store failed");
        assert_eq!(
            line["error.sources"],
            serde_json::json!(["the disk is full"])
        );
        assert_eq!(line["spans"][0]["name"], "session");
        assert_eq!(line["spans"][0]["session.id"], "ses_1");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
