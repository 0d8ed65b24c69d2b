//! Lists: `?limit=50&cursor=…` → `{"data":[…],"next_cursor":null}`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::service::Fault;

/// How many items a page has when nothing is said.
pub const DEFAULT_LIMIT: u32 = 50;

/// How many items a page may have.
pub const MAX_LIMIT: u32 = 200;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items.
    pub data: Vec<T>,
    /// Where the next page starts; null at the end.
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// How many items are wanted.
    pub fn limit(&self) -> Result<u32, Problem> {
        limit(self.limit)
    }

    /// The key after which the page starts.
    pub fn after(&self) -> Result<Option<String>, Problem> {
        self.cursor.as_deref().map(open).transpose()
    }
}

/// Checks a wanted number of items.
pub fn limit(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(fault("/limit", format!("must be 1 to {MAX_LIMIT}"))),
    }
}

impl<T> Page<T> {
    /// A page of which `next` is the key of the last item, when more follow.
    pub fn new(data: Vec<T>, next: Option<String>) -> Self {
        let next_cursor = next.map(|key| URL_SAFE_NO_PAD.encode(key));
        Self { data, next_cursor }
    }

    /// All of a list that is never long.
    pub fn whole(items: impl IntoIterator<Item = T>) -> Self {
        Self::new(items.into_iter().collect(), None)
    }

    /// A page made from one item more than `limit`: the surplus tells that more follow.
    pub fn cut<I>(
        mut items: Vec<I>,
        limit: u32,
        key: impl Fn(&I) -> String,
        show: impl Fn(I) -> T,
    ) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self::new(items.into_iter().map(show).collect(), next)
    }
}

fn open(cursor: &str) -> Result<String, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(bad_cursor)
}

/// The refusal of a cursor that this list did not give out.
pub fn bad_cursor() -> Problem {
    fault("/cursor", "is not a next_cursor of this list")
}

fn fault(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid("validation_failed", vec![Fault::new(pointer, detail)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_the_key_of_the_last_item() {
        let page = Page::cut(vec![1, 2, 3], 2, ToString::to_string, |n| n);
        assert_eq!(page.data, [1, 2]);
        let query = PageQuery {
            cursor: page.next_cursor,
            limit: None,
        };
        assert_eq!(query.after().unwrap().as_deref(), Some("2"));
        assert_eq!(
            Page::cut(vec![1, 2], 2, ToString::to_string, |n| n).next_cursor,
            None
        );
    }

    #[test]
    fn a_limit_out_of_range_and_a_made_up_cursor_are_refused() {
        for limit in [Some(0), Some(201)] {
            assert!(super::limit(limit).is_err());
        }
        assert_eq!(limit(None).unwrap(), 50);
        assert!(open("%%%").is_err());
    }
}
