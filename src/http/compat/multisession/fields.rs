//! The bodies that this dialect takes: objects whose fields have several names, under any `Content-Type`.
//!
//! Owns how a field is read and what is said of one that is wrong. Unknown fields are passed over, as its clients expect.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::{
    domain::address::Address,
    http::extract::{AnyJson, AnyJsonWithFile},
};

/// The longest text of a message, in characters: the least of what anybody promises here.
pub(super) const MAX_MESSAGE: usize = 65_536;
/// The longest id of a message.
pub(super) const MAX_MESSAGE_ID: usize = 128;
/// The longest name of a file.
pub(super) const MAX_NAME_OF_FILE: usize = 255;
/// The longest name of a session, in characters.
pub(super) const MAX_NAME: usize = 128;
/// The longest URL.
pub(super) const MAX_URL: usize = 2048;
/// The longest of what names somebody.
const MAX_ADDRESS: usize = 96;

/// What a recipient is called, where the session stands in the path: each client has a word of its own.
pub(super) const TO: [&str; 5] = ["to", "recipient", "number", "jid", "phone"];

/// The fields of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let AnyJson(body) = AnyJson::from_request(request, state).await?;
        Self::of(body)
    }
}

impl Fields {
    /// Of a body that may hold a file.
    pub(super) async fn with_file(request: Request) -> Result<Self, Refusal> {
        let AnyJsonWithFile(body) = AnyJsonWithFile::from_request(request, &()).await?;
        Self::of(body)
    }

    fn of(body: Value) -> Result<Self, Refusal> {
        match body {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Refusal::invalid("the body must be a JSON object")),
        }
    }

    /// Puts a text field of a form here.
    pub(super) fn put(&mut self, name: String, text: String) {
        self.0.insert(name, text.into());
    }

    /// Takes a text of any length out; none if it is not given, null or empty.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(_) => Err(Refusal::invalid(format!("{name} must be a string"))),
        }
    }

    /// The first of `names` that is given and not null.
    fn get<'a>(&'a self, names: &[&'a str]) -> Option<(&'a str, &'a Value)> {
        let mut given = names
            .iter()
            .filter_map(|name| Some((*name, self.0.get(*name)?)));
        given.find(|(_, value)| !value.is_null())
    }

    /// Whether `name` is given, if only as null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A list of at least one of `known`; `wrong` is said of anything else.
    pub(super) fn some_of<'a>(
        &self,
        name: &str,
        known: &[&'a str],
        wrong: &str,
    ) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some((_, list)) = self.get(&[name]) else {
            return Ok(None);
        };
        let named = |item: &Value| known.iter().copied().find(|word| item == word);
        let items = list.as_array().into_iter().flatten();
        let named: Option<Vec<&str>> = items.map(named).collect();
        match named.filter(|named| !named.is_empty()) {
            Some(named) => Ok(Some(named)),
            None => Err(Refusal::invalid(wrong)),
        }
    }

    /// An object within.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.get(&[name]) {
            None => Ok(None),
            Some((_, Value::Object(fields))) => Ok(Some(Self(fields.clone()))),
            Some(_) => Err(Refusal::invalid(format!("{name} must be an object"))),
        }
    }

    /// A text of up to `most` characters.
    pub(super) fn text(&self, names: &[&str], most: usize) -> Result<Option<String>, Refusal> {
        let Some((name, value)) = self.get(names) else {
            return Ok(None);
        };
        match value {
            Value::String(text) if text.chars().count() <= most => Ok(Some(text.clone())),
            Value::String(_) => Err(Refusal::invalid(format!(
                "{name} may have at most {most} characters"
            ))),
            _ => Err(Refusal::invalid(format!("{name} must be a string"))),
        }
    }

    /// A text that is there and says something; `missing` is said when it is not.
    pub(super) fn said(
        &self,
        names: &[&str],
        most: usize,
        missing: &str,
    ) -> Result<String, Refusal> {
        let text = self
            .text(names, most)?
            .filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| Refusal::invalid(missing))
    }

    /// A switch.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(&[name]) {
            None => Ok(None),
            Some((_, Value::Bool(flag))) => Ok(Some(*flag)),
            Some(_) => Err(Refusal::invalid(format!("{name} must be true or false"))),
        }
    }

    /// A whole number from 0 on.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.get(&[name]) {
            None => Ok(None),
            Some((_, value)) => match value.as_i64().filter(|number| *number >= 0) {
                Some(number) => Ok(Some(number)),
                None => Err(Refusal::invalid(format!("{name} must be a whole number"))),
            },
        }
    }

    /// A number, or a text that is one.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let number = match self.get(&[name]) {
            None => return Ok(None),
            Some((_, Value::String(text))) => text.trim().parse().ok(),
            Some((_, value)) => value.as_f64(),
        };
        let number = number.filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| Refusal::invalid(format!("{name} must be a number")))?;
        Ok(Some(number))
    }

    /// To whom; `missing` is said when it is not told.
    pub(super) fn recipient(&self, names: &[&str], missing: &str) -> Result<Address, Refusal> {
        recipient(&self.said(names, MAX_ADDRESS, missing)?)
    }
}

/// A number with whatever people put into one, or an address of WhatsApp's.
pub(super) fn recipient(text: &str) -> Result<Address, Refusal> {
    let text = text.trim();
    let Some((user, server)) = text.split_once('@') else {
        let digits: String = text
            .chars()
            .filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')'))
            .collect();
        let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        return if fits {
            Ok(Address::Phone(digits))
        } else {
            Err(Refusal::bad_request(
                "invalid phone number length. Should be 8-15 digits",
            ))
        };
    };
    // The part behind the colon names one of the account's devices.
    let user = user.split(':').next().unwrap_or_default();
    format!("{user}@{server}")
        .parse()
        .map_err(|fault| Refusal::bad_request(format!("{fault}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        let Value::Object(fields) = value else {
            panic!("{value}");
        };
        Fields(fields)
    }

    #[test]
    fn a_field_is_found_under_each_of_its_names_and_null_is_none() {
        let body = fields(json!({"to": null, "recipient": "a", "n": "1.5", "deep": {"x": true}}));
        assert_eq!(body.text(&TO, 5).unwrap().as_deref(), Some("a"));
        assert_eq!(body.text(&["message"], 5).unwrap(), None);
        assert_eq!(body.number("n").unwrap(), Some(1.5));
        assert_eq!(
            body.object("deep").unwrap().unwrap().flag("x").unwrap(),
            Some(true)
        );
        assert!(body.has("to") && !body.has("jid"));
    }

    #[test]
    fn what_is_of_another_type_or_too_long_is_refused() {
        let body = fields(json!({"to": 7, "n": "x", "f": 1, "w": -1, "o": [], "long": "123456"}));
        assert!(body.text(&TO, 5).is_err());
        assert!(body.text(&["long"], 5).is_err());
        assert!(body.number("n").is_err());
        assert!(body.flag("f").is_err());
        assert!(body.whole("w").is_err());
        assert!(body.object("o").is_err());
    }

    #[test]
    fn a_recipient_is_a_number_or_an_address() {
        let phone = |digits: &str| Address::Phone(digits.to_owned());
        assert_eq!(
            recipient("+62 813-8139 (3739)").unwrap(),
            phone("6281381393739")
        );
        assert_eq!(
            recipient("6281381393739:36@s.whatsapp.net").unwrap(),
            phone("6281381393739")
        );
        assert_eq!(
            recipient("6281381393739@c.us").unwrap(),
            phone("6281381393739")
        );
        assert_eq!(
            recipient("120363302171476233@g.us").unwrap(),
            Address::Group("120363302171476233".to_owned())
        );
        for bad in [
            "1234567",
            "1234567890123456",
            "12345678x",
            "x@g.us",
            "1@other",
        ] {
            assert!(recipient(bad).is_err(), "{bad}");
        }
    }
}
