//! Where to resume in which logs, as a client writes it: `<session>:<seq>`, with commas between.
//!
//! A session is an id or a handle; a handle may have colons, so the last one counts. `*` stands for every session that is
//! not named. Pure: the caller brings its sessions.

use std::collections::HashMap;

use entity::ids::SessionId;

use crate::service::{Error, sessions::SessionView};

/// The most cursors of one reader.
pub const CURSORS_MAX: usize = 1_000;

/// What was written, not yet looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Of every session that is not named.
    rest: Option<i64>,
    named: Vec<(String, i64)>,
}

impl Cursors {
    /// Reads what a client wrote.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut cursors = Self::default();
        for part in text.split(',').map(str::trim) {
            let (session, seq) = part
                .rsplit_once(':')
                .and_then(|(session, seq)| Some((session, seq.parse::<i64>().ok()?)))
                .filter(|(session, seq)| !session.is_empty() && *seq >= 0)
                .ok_or_else(|| wrong(format!("{part} is not <session>:<seq>")))?;
            if session != "*" {
                cursors.named.push((session.to_owned(), seq));
            } else if cursors.rest.replace(seq).is_some() {
                return Err(wrong("* is named twice"));
            }
        }
        if cursors.named.len() > CURSORS_MAX {
            return Err(wrong(format!("has at most {CURSORS_MAX} cursors")));
        }
        Ok(cursors)
    }

    /// The cursor of each of `heard`, if it has one. `all` are the sessions of the caller.
    pub fn find(
        &self,
        all: &[SessionView],
        heard: &[SessionId],
    ) -> Result<HashMap<SessionId, i64>, Error> {
        let mut named = HashMap::with_capacity(self.named.len());
        for (reference, seq) in &self.named {
            let session = of_caller(all, reference)?;
            if !heard.contains(&session) {
                return Err(wrong(format!("{reference} is not among the sessions")));
            }
            if named.insert(session, *seq).is_some() {
                return Err(wrong(format!("{reference} is named twice")));
            }
        }
        if let Some(rest) = self.rest {
            for session in heard {
                named.entry(*session).or_insert(rest);
            }
        }
        Ok(named)
    }
}

/// The session of the caller's that `reference` names, by id or handle; what is not theirs does not exist.
pub fn of_caller(all: &[SessionView], reference: &str) -> Result<SessionId, Error> {
    let found = match reference.parse::<SessionId>() {
        Ok(id) => all.iter().find(|session| session.id == id),
        Err(_) => all.iter().find(|session| session.handle == reference),
    };
    found
        .map(|session| session.id)
        .ok_or(Error::NotFound { what: "session" })
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::invalid("/since", detail)
}

#[cfg(test)]
mod tests {
    use entity::{enums::SessionState, ids::UserId};

    use super::*;

    fn session(handle: &str) -> SessionView {
        SessionView {
            id: SessionId::new(),
            owner_id: UserId::new(),
            handle: handle.to_owned(),
            name: None,
            phone: None,
            lid: None,
            push_name: None,
            state: SessionState::Disconnected,
            reason: None,
            metadata: serde_json::Map::new(),
            settings: crate::domain::session::Settings::default(),
            created_at: 0,
            connected_at: None,
            last_event_seq: 0,
        }
    }

    fn fault(result: Result<impl std::fmt::Debug, Error>) -> String {
        match result {
            Err(Error::Invalid { faults, .. }) => {
                assert_eq!(faults[0].pointer, "/since");
                faults[0].detail.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_colon_parts_a_handle_from_its_number_and_a_star_is_the_rest() {
        let all = [session("a:b"), session("c"), session("d")];
        let [one, two, three] = [&all[0], &all[1], &all[2]].map(|session| session.id);
        let text = format!("a:b:7, {two}:0,*:3");
        let found = Cursors::parse(&text)
            .unwrap()
            .find(&all, &[one, two, three])
            .unwrap();
        assert_eq!(found, HashMap::from([(one, 7), (two, 0), (three, 3)]));
        let found = Cursors::parse("c:1").unwrap().find(&all, &[one, two]);
        assert_eq!(found.unwrap(), HashMap::from([(two, 1)]));
    }

    #[test]
    fn what_is_not_a_cursor_is_said() {
        for wrong in ["", "7", "a", "a:", ":7", "a:x", "a:-1", "a:1,", "a:1,,b:2"] {
            assert!(fault(Cursors::parse(wrong)).ends_with("is not <session>:<seq>"));
        }
        assert_eq!(fault(Cursors::parse("*:1,*:2")), "* is named twice");
        let many = vec!["a:1"; CURSORS_MAX + 1].join(",");
        assert_eq!(fault(Cursors::parse(&many)), "has at most 1000 cursors");
    }

    #[test]
    fn a_session_that_is_not_heard_not_there_or_named_twice_is_refused() {
        let all = [session("a"), session("b")];
        let [one, two] = [&all[0], &all[1]].map(|session| session.id);
        let find = |text: &str| Cursors::parse(text).unwrap().find(&all, &[one]);
        assert_eq!(fault(find("b:1")), "b is not among the sessions");
        assert_eq!(
            fault(find(&format!("a:1,{one}:2"))),
            format!("{one} is named twice")
        );
        assert!(matches!(find("c:1"), Err(Error::NotFound { .. })));
        assert!(matches!(
            find(&format!("{}:1", SessionId::new())),
            Err(Error::NotFound { .. })
        ));
        assert_ne!(one, two);
    }
}
