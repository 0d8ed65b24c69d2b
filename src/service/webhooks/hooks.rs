//! The one webhook that a session has in faces where it is a setting of the session.
//!
//! Owns that there is one: it is an endpoint like any, for the messages of that session alone, in the shape of that face.

use std::collections::{BTreeMap, HashMap};

use entity::{
    enums::DeliveryOrdering,
    ids::{EndpointId, SessionId},
    webhook_endpoints::Model,
};

use super::{Ctx, ENDPOINTS_MAX, Error, NewEndpoint, Webhooks, enable};
use crate::{
    db,
    domain::principal::Scope,
    webhook::{filter::Sessions, health::Health, render::NATIVE},
};

/// Where the messages of a session are told, and in which shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Where to.
    pub url: String,
    /// The name of the shape.
    pub shape: String,
}

impl Webhooks {
    /// The hooks of the caller's sessions; of none, if the caller may not see webhooks.
    pub async fn hooks(&self, ctx: &Ctx) -> Result<HashMap<SessionId, Hook>, Error> {
        if !ctx.principal.may(Scope::WebhooksManage) {
            return Ok(HashMap::new());
        }
        let rows = self.shaped(ctx).await?;
        let hooks = rows.into_iter().map(|(session, row)| {
            let (url, shape) = (row.url, row.shape);
            (session, Hook { url, shape })
        });
        Ok(hooks.collect())
    }

    /// Refuses a hook that could not be set.
    pub async fn check_hook(&self, ctx: &Ctx, hook: &Hook) -> Result<(), Error> {
        ctx.require(Scope::WebhooksManage)?;
        self.check_url(&hook.url).await
    }

    /// Sets the hook of a session that the caller has just found to be their own; none takes it away.
    pub async fn set_hook(
        &self,
        ctx: &Ctx,
        session: SessionId,
        hook: Option<Hook>,
    ) -> Result<(), Error> {
        ctx.require_session(session)?;
        let mut there: Vec<EndpointId> = Vec::new();
        if ctx.principal.may(Scope::WebhooksManage) || hook.is_some() {
            let rows = self.shaped(ctx).await?;
            let of_session = rows.into_iter().filter(|(of, _)| *of == session);
            there.extend(of_session.map(|(_, row)| row.id));
        }
        let Some(hook) = hook else {
            for id in there {
                self.delete(ctx, id).await?;
            }
            return Ok(());
        };
        self.check_hook(ctx, &hook).await?;
        let Some(id) = there.first() else {
            let new = NewEndpoint {
                url: hook.url,
                types: vec!["message".to_owned()],
                sessions: Some(vec![session.to_string()]),
                chats: vec!["*".to_owned()],
                ordering: DeliveryOrdering::Session,
                headers: BTreeMap::new(),
            };
            self.create_as(ctx, new, &hook.shape).await?;
            return Ok(());
        };
        self.change(ctx, *id, |row| {
            if row.url != hook.url {
                Health::default().store(row);
            }
            row.url = hook.url;
            row.shape = hook.shape;
            enable(row);
            Ok(())
        })
        .await?;
        self.parts.wake.wake();
        Ok(())
    }

    /// The endpoints in a shape of another face, each with its one session.
    async fn shaped(&self, ctx: &Ctx) -> Result<Vec<(SessionId, Model)>, Error> {
        ctx.require(Scope::WebhooksManage)?;
        let all =
            db::webhook_endpoints::list(&self.parts.db, ctx.owner(), None, ENDPOINTS_MAX).await?;
        let shaped = all.into_iter().filter(|row| row.shape != NATIVE);
        let of_one = shaped.filter_map(|row| match Sessions::from_stored(&row.sessions) {
            Sessions::Only(ids) if ids.len() == 1 => Some((ids[0], row)),
            Sessions::Only(_) | Sessions::All => None,
        });
        Ok(of_one
            .filter(|(session, _)| ctx.principal.may_touch(*session))
            .collect())
    }
}
