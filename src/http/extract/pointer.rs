//! From serde's words to a JSON pointer and a detail.

use serde_path_to_error::{Path, Segment};

use crate::service::Fault;

/// The fault at `path`, as serde told it.
pub(super) fn fault(path: &Path, message: &str) -> Fault {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // serde names these two fields in the message alone.
    for said in ["unknown field `", "missing field `"] {
        let named = message
            .strip_prefix(said)
            .and_then(|rest| rest.split('`').next());
        if let Some(name) = named
            && pointer.rsplit('/').next() != Some(&*escape(name))
        {
            push(&mut pointer, name);
        }
    }
    Fault::new(pointer, without_position(message))
}

fn push(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&escape(segment));
}

/// RFC 6901.
fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// serde_json ends with ` at line 1 column 20`, which helps nobody who has the pointer.
fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Outer {
        to: String,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Inner {
        list: Vec<u32>,
    }

    fn fault_of(json: &str) -> Fault {
        let error = serde_path_to_error::deserialize::<_, Outer>(
            &mut serde_json::Deserializer::from_str(json),
        )
        .unwrap_err();
        fault(error.path(), &error.inner().to_string())
    }

    #[test]
    fn an_unknown_field_is_named_where_it_stands() {
        assert_eq!(fault_of(r#"{"to":"x","bogus":1}"#).pointer, "/bogus");
        assert_eq!(
            fault_of(r#"{"to":"x","inner":{"list":[],"a/b":1}}"#).pointer,
            "/inner/a~1b"
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(fault_of("{}").pointer, "/to");
        assert_eq!(fault_of(r#"{"to":"x","inner":{}}"#).pointer, "/inner/list");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place_in_the_list() {
        let fault = fault_of(r#"{"to":"x","inner":{"list":[1,"two"]}}"#);
        assert_eq!(fault.pointer, "/inner/list/1");
        assert!(fault.detail.contains("expected u32"), "{}", fault.detail);
        assert!(!fault.detail.contains("column"), "{}", fault.detail);
    }
}
