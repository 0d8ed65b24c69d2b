//! The one webhook that a session has in faces where it is a setting of the session.
//!
//! Owns that there is one: it is told by endpoints like any, for events of that session alone, in the shape of that face. One
//! endpoint tells one thing, so that a face which tells an event in two ways has two deliveries of it, each with its attempts.

use std::collections::{BTreeMap, HashMap};

use entity::{
    enums::DeliveryOrdering,
    ids::{EndpointId, SessionId},
    webhook_endpoints::Model,
};

use super::{Ctx, Error, NewEndpoint, Webhooks, enable};
use crate::{
    db,
    domain::principal::Scope,
    webhook::{
        filter::{Sessions, Types},
        health::Health,
        render::NATIVE,
    },
};

/// Where the events of a session are told, in which shape, and what of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Where to.
    pub url: String,
    /// The name of the shape.
    pub shape: String,
    /// What is told.
    pub tells: Vec<Telling>,
    /// Headers of every request; shown to nobody, so none of a hook that is read.
    pub headers: BTreeMap<String, String>,
}

/// One thing that a shape tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// Its name in the shape; empty where there is one.
    pub variant: String,
    /// The names of the events that it is told of.
    pub types: Vec<String>,
}

impl Hook {
    /// A hook that tells messages.
    pub fn of_messages(url: String, shape: String) -> Self {
        Self {
            url,
            shape,
            tells: vec![Telling {
                variant: String::new(),
                types: vec!["message".to_owned()],
            }],
            headers: BTreeMap::new(),
        }
    }

    fn add(&mut self, row: &Model) {
        self.tells.push(Telling {
            variant: row.variant.clone(),
            types: Types::from_stored(&row.types).entries().to_vec(),
        });
    }
}

impl Webhooks {
    /// The hooks of the caller's sessions; of none, if the caller may not see webhooks.
    pub async fn hooks(&self, ctx: &Ctx) -> Result<HashMap<SessionId, Hook>, Error> {
        if !ctx.principal.may(Scope::WebhooksManage) {
            return Ok(HashMap::new());
        }
        let mut hooks: HashMap<SessionId, Hook> = HashMap::new();
        for (session, row) in self.shaped(ctx, None).await? {
            let hook = hooks.entry(session).or_insert_with(|| Hook {
                url: row.url.clone(),
                shape: row.shape.clone(),
                tells: Vec::new(),
                headers: BTreeMap::new(),
            });
            hook.add(&row);
        }
        Ok(hooks)
    }

    /// Refuses a hook that could not be set.
    pub async fn check_hook(&self, ctx: &Ctx, url: &str) -> Result<(), Error> {
        ctx.require(Scope::WebhooksManage)?;
        self.check_url(url).await
    }

    /// Sets the hook of a session that the caller has just found to be their own; none takes it away.
    pub async fn set_hook(
        &self,
        ctx: &Ctx,
        session: SessionId,
        hook: Option<Hook>,
    ) -> Result<(), Error> {
        ctx.require_session(session)?;
        let there = self.shaped(ctx, Some(session)).await?;
        let mut there: Vec<Model> = there.into_iter().map(|(_, row)| row).collect();
        if let Some(hook) = hook {
            self.check_hook(ctx, &hook.url).await?;
            for telling in &hook.tells {
                let same = |row: &Model| row.variant == telling.variant;
                let Some(at) = there.iter().position(same) else {
                    self.begin_to_tell(ctx, session, (&hook, telling)).await?;
                    continue;
                };
                let id = there.remove(at).id;
                self.tell(ctx, id, (&hook, telling)).await?;
            }
        }
        for row in there {
            self.delete(ctx, row.id).await?;
        }
        self.parts.wake.wake();
        Ok(())
    }

    /// Takes away what told of a session that the caller has just deleted, if the caller may do that.
    pub async fn forget_hook(&self, ctx: &Ctx, session: SessionId) -> Result<(), Error> {
        if ctx.principal.may(Scope::WebhooksManage) {
            self.set_hook(ctx, session, None).await?;
        }
        Ok(())
    }

    async fn begin_to_tell(
        &self,
        ctx: &Ctx,
        session: SessionId,
        (hook, telling): (&Hook, &Telling),
    ) -> Result<(), Error> {
        let new = NewEndpoint {
            url: hook.url.clone(),
            types: telling.types.clone(),
            sessions: Some(vec![session.to_string()]),
            chats: vec!["*".to_owned()],
            ordering: DeliveryOrdering::Session,
            headers: hook.headers.clone(),
        };
        let shape = (hook.shape.as_str(), telling.variant.as_str());
        self.create_as(ctx, new, shape).await?;
        Ok(())
    }

    async fn tell(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        (hook, telling): (&Hook, &Telling),
    ) -> Result<(), Error> {
        let types = Types::parse(&telling.types).map_err(Error::internal)?;
        let headers = self.seal_headers(id, &hook.headers)?;
        self.change(ctx, id, |row| {
            if row.url != hook.url {
                Health::default().store(row);
            }
            row.url.clone_from(&hook.url);
            row.shape.clone_from(&hook.shape);
            row.types = types.to_stored();
            row.headers_sealed = headers;
            enable(row);
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// The endpoints in a shape of another face, each with its one session: of `session`, or of all.
    async fn shaped(
        &self,
        ctx: &Ctx,
        session: Option<SessionId>,
    ) -> Result<Vec<(SessionId, Model)>, Error> {
        ctx.require(Scope::WebhooksManage)?;
        let stored = session.map(|one| Sessions::Only(vec![one]).to_stored());
        let (db, owner) = (&self.parts.db, ctx.owner());
        let rows =
            db::webhook_endpoints::in_other_shapes(db, owner, NATIVE, stored.as_deref()).await?;
        let of_one =
            rows.into_iter()
                .filter_map(|row| match Sessions::from_stored(&row.sessions) {
                    Sessions::Only(ids) if ids.len() == 1 => Some((ids[0], row)),
                    Sessions::Only(_) | Sessions::All => None,
                });
        Ok(of_one
            .filter(|(session, _)| ctx.principal.may_touch(*session))
            .collect())
    }
}
