//! The bodies that this dialect takes: objects whose faults are told by field, all at once, under any `Content-Type`.
//!
//! Owns how a field is read and what is said of one that is wrong. Unknown fields are passed over and null is absent, as its
//! clients expect.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Request},
    http::Uri,
};
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::http::extract::AnyJson;

/// The longest line: a name, a URL, a word.
pub(super) const MAX_LINE: usize = 2048;
/// The longest text, in characters.
pub(super) const MAX_TEXT: usize = 65_536;
/// The most entries of a list.
const MAX_LIST: usize = 1024;

/// The fields of a body, and what was found wrong with them.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Map<String, Value>,
    faults: BTreeMap<String, Vec<String>>,
    /// What stands before the names of an object within another.
    within: String,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match AnyJson::<Value>::from_request(request, state).await? {
            AnyJson(Value::Object(fields)) => Ok(Self::of(fields)),
            AnyJson(Value::Null) => Ok(Self::default()),
            AnyJson(_) => Err(Refusal::bad_request("The body must be a JSON object.")),
        }
    }
}

impl Form {
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Whether it is given and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether it is given, if only as null.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Says what is wrong with a field.
    pub(super) fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let name = format!("{}{name}", self.within);
        self.faults.entry(name).or_default().push(detail.into());
    }

    fn must(&mut self, name: &str, what: &str) {
        self.fault(name, format!("The {name} field must be {what}."));
    }

    /// A text of up to `most` characters.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if text.chars().count() <= most => Some(text.clone()),
            Value::String(_) => {
                let detail =
                    format!("The {name} field must not be greater than {most} characters.");
                self.fault(name, detail);
                None
            }
            _ => {
                self.must(name, "a string");
                None
            }
        }
    }

    /// A text that is there and says something.
    pub(super) fn said(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.text(name, most).filter(|text| !text.trim().is_empty());
        let is_wrong = self.faults.contains_key(&format!("{}{name}", self.within));
        if text.is_none() && !is_wrong {
            self.fault(name, format!("The {name} field is required."));
        }
        text
    }

    /// A switch; the words of a form are taken, too.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) if number.as_u64() == Some(0) => Some(false),
            Value::Number(number) if number.as_u64() == Some(1) => Some(true),
            Value::String(word) => truth(word),
            _ => None,
        };
        if flag.is_none() {
            self.must(name, "true or false");
        }
        flag
    }

    /// A whole number from 0 on.
    pub(super) fn whole(&mut self, name: &str) -> Option<i64> {
        let whole = match self.get(name)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        };
        let whole = whole.filter(|number: &i64| *number >= 0);
        if whole.is_none() {
            self.must(name, "a whole number");
        }
        whole
    }

    /// A number, or a text that is one.
    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        let number = match self.get(name)? {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_f64(),
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.must(name, "a number");
        }
        number
    }

    /// Texts of up to a line each.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.get(name)? else {
            self.must(name, "an array");
            return None;
        };
        let fits = |item: &Value| item.as_str().is_some_and(|text| text.len() <= MAX_LINE);
        if items.len() > MAX_LIST || !items.iter().all(fits) {
            self.must(name, "an array of up to 1024 strings");
            return None;
        }
        let texts = items.iter().filter_map(Value::as_str).map(str::to_owned);
        Some(texts.collect())
    }

    /// Reads an object within; what is wrong there is told as `name.field`.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(fields) = self.get(name)? else {
            self.must(name, "an object");
            return None;
        };
        let mut inner = Self {
            within: format!("{}{name}.", self.within),
            ..Self::of(fields.clone())
        };
        let found = read(&mut inner);
        self.faults.append(&mut inner.faults);
        found
    }

    /// Ends the reading: refuses if anything was wrong.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(self.faults))
        }
    }

    /// The same, with what was read. It is there if nothing was wrong.
    pub(super) fn done<T>(self, read: Option<T>) -> Result<T, Refusal> {
        self.finish()?;
        read.ok_or_else(|| Refusal::bad_request("The request is not valid."))
    }
}

/// The words that a form or a query has for a switch.
fn truth(word: &str) -> Option<bool> {
    match word {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The first of `names` that the query gives.
pub(super) fn query(uri: &Uri, names: &[&str]) -> Option<String> {
    let query = uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, value) = pairs.find(|(key, _)| names.contains(&&**key))?;
    Some(value.into_owned())
}

/// A switch of the query.
pub(super) fn query_flag(uri: &Uri, names: &[&str]) -> bool {
    query(uri, names).and_then(|word| truth(&word)) == Some(true)
}

/// A page of a list: its number from 1, and how many it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) number: u64,
    pub(super) size: u64,
}

impl Page {
    /// From the query; `size` is what the page has if nothing is said, and what `sized` calls it.
    pub(super) fn of(uri: &Uri, sized: &str, size: u64) -> Self {
        let number = |name: &str| query(uri, &[name]).and_then(|text| text.parse().ok());
        Self {
            number: number("page").unwrap_or(1).clamp(1, 1_000_000),
            size: number(sized).unwrap_or(size).clamp(1, 100),
        }
    }

    /// How many come before.
    pub(super) const fn skip(self) -> u64 {
        (self.number - 1) * self.size
    }

    /// The number of the last page of `total`.
    pub(super) const fn last(self, total: u64) -> u64 {
        match total.div_ceil(self.size) {
            0 => 1,
            pages => pages,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(value: Value) -> Form {
        let Value::Object(fields) = value else {
            panic!("{value}");
        };
        Form::of(fields)
    }

    #[test]
    fn null_is_absent_and_a_text_that_is_a_number_or_a_switch_is_taken() {
        let mut body = form(json!({"text": null, "lat": "1.5", "on": "1", "n": "7"}));
        assert!(!body.has("text") && body.mentions("text"));
        assert_eq!(body.text("text", 5), None);
        assert_eq!(body.number("lat"), Some(1.5));
        assert_eq!(body.flag("on"), Some(true));
        assert_eq!(body.whole("n"), Some(7));
        assert!(body.finish().is_ok());
    }

    #[test]
    fn every_fault_is_told_with_its_field_at_once() {
        let mut body =
            form(json!({"text": 7, "on": "x", "list": [1], "deep": {"name": "x".repeat(9)}}));
        body.text("text", 5);
        body.said("to", 5);
        body.flag("on");
        body.list("list");
        body.object("deep", |deep| deep.said("name", 5));
        let fields: Vec<&String> = body.faults.keys().collect();
        assert_eq!(fields, ["deep.name", "list", "on", "text", "to"]);
        assert_eq!(body.faults["to"], ["The to field is required."]);
        assert!(body.finish().is_err());
    }

    #[test]
    fn a_page_counts_from_one_and_has_an_end() {
        let page = Page::of(&Uri::from_static("/x?page=3&limit=20"), "limit", 10);
        assert_eq!((page.skip(), page.last(41), page.last(0)), (40, 3, 1));
        let page = Page::of(&Uri::from_static("/x?page=0&limit=1000000"), "limit", 10);
        assert_eq!((page.number, page.size), (1, 100));
    }
}
