//! What a user writes, checked; every refusal names its field.

use std::collections::BTreeMap;

use entity::ids::{EndpointId, SessionId};

use super::{Ctx, Error, Fault, Webhooks};
use crate::{
    db,
    egress::EgressError,
    webhook::{
        filter::{FilterError, Sessions},
        headers,
    },
};

impl Webhooks {
    pub(super) async fn check_url(&self, text: &str) -> Result<(), Error> {
        let egress = &self.parts.egress;
        let refuse = |error: EgressError| Error::Invalid {
            code: error.code(),
            faults: vec![Fault::new("/url", error.to_string())],
        };
        let url = egress.check_url(text).map_err(refuse)?;
        egress.resolves(&url).await.map_err(refuse)
    }

    /// A list of ids and handles, as ids of sessions that the caller has.
    pub(super) async fn sessions(
        &self,
        ctx: &Ctx,
        list: Option<&[String]>,
    ) -> Result<Sessions, Error> {
        let Some(list) = list else {
            return Ok(match ctx.principal.session {
                Some(only) => Sessions::Only(vec![only]),
                None => Sessions::All,
            });
        };
        if list.iter().any(|word| word == "*") {
            return match ctx.principal.session {
                None => Ok(Sessions::All),
                Some(_) => Err(Error::invalid(
                    "/sessions",
                    "this credential is bound to one session; name that one",
                )),
            };
        }
        let mut ids = Vec::with_capacity(list.len());
        for (index, word) in list.iter().enumerate() {
            ids.push(self.session(ctx, word, index).await?.to_string());
        }
        Sessions::parse(&ids).map_err(|error| fault("/sessions", &error))
    }

    async fn session(&self, ctx: &Ctx, word: &str, index: usize) -> Result<SessionId, Error> {
        let found = match word.parse::<SessionId>() {
            Ok(id) => db::sessions::find(&self.parts.db, ctx.owner(), id).await?,
            Err(_) => db::sessions::find_by_handle(&self.parts.db, ctx.owner(), word).await?,
        };
        found
            .map(|row| row.id)
            .filter(|id| ctx.principal.may_touch(*id))
            .ok_or_else(|| Error::invalid(format!("/sessions/{index}"), "there is no such session"))
    }

    pub(super) fn seal_headers(
        &self,
        id: EndpointId,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<u8>>, Error> {
        headers::check(given).map_err(|(name, error)| {
            let pointer = if name.is_empty() {
                "/headers".to_owned()
            } else {
                format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
            };
            Error::invalid(pointer, error.to_string())
        })?;
        self.parts
            .vault
            .seal_headers(id, given)
            .map_err(Error::internal)
    }
}

/// A faulty list.
pub(super) fn fault(pointer: &str, error: &FilterError) -> Error {
    Error::invalid(pointer, error.to_string())
}
