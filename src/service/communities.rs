//! The verbs of communities.
//!
//! Owns what may be asked, and in which order: who may not do something is refused before anything is sent. What is the
//! same for every group (its name, its members, its picture) is in [`super::groups`]. `http` calls it.

use std::collections::HashSet;

use super::{
    Ctx, Error,
    groups::{check_description, check_subject},
    running::{Found, Running, ask_error, group},
    sessions::Sessions,
};
use crate::{
    domain::{
        community::{Community, CommunityGroup, CommunityInfo, LinkResult, NewCommunity},
        group::{GroupKind, Joined, Role},
        principal::Scope,
    },
    protocol::{AskError, Client},
};

mod refusals;

use refusals::{community_error, join_error, refused};
pub(super) use refusals::{head, require_creating};

/// Groups in one request: WhatsApp's limit for a community.
pub const MAX_LINKED: usize = 100;

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Communities {
    running: Running,
}

impl Communities {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let running = sessions.finder();
        Self { running }
    }

    async fn reading(&self, ctx: &Ctx, session: &str) -> Result<Found, Error> {
        self.running.find(ctx, Scope::MessagesRead, session).await
    }

    async fn writing(&self, ctx: &Ctx, session: &str) -> Result<Found, Error> {
        self.running.find(ctx, Scope::MessagesSend, session).await
    }

    /// The communities that the account is in, by id.
    pub async fn list(&self, ctx: &Ctx, session: &str) -> Result<Vec<CommunityInfo>, Error> {
        let found = self.reading(ctx, session).await?;
        let client = found.client()?;
        let mut all = client.communities().await.map_err(ask_error)?;
        all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    /// One community that the account is in, with its groups.
    pub async fn get(&self, ctx: &Ctx, session: &str, id: &str) -> Result<Community, Error> {
        let found = self.reading(ctx, session).await?;
        let id = group("/community", id)?;
        let client = found.client()?;
        let info = head(&client, &id).await?;
        let groups = groups(&client, &id).await?;
        Ok(Community::of(info, groups))
    }

    /// Makes a community.
    pub async fn create(
        &self,
        ctx: &Ctx,
        session: &str,
        new: NewCommunity,
    ) -> Result<Community, Error> {
        let found = self.writing(ctx, session).await?;
        check_subject(&new.subject)?;
        new.description
            .as_deref()
            .map_or(Ok(()), check_description)?;
        let client = found.client()?;
        let info = client.create_community(new).await.map_err(ask_error)?;
        let id = group("/id", &info.id)?;
        // It is there all the same: a refusal here would have it made twice.
        let groups = client.community_groups(&id).await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "WhatsApp does not tell which groups a new community has"
            );
            Vec::new()
        });
        Ok(Community::of(info, groups))
    }

    /// Takes groups into a community; tells for each how it went.
    pub async fn link(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        groups: &[String],
    ) -> Result<Vec<LinkResult>, Error> {
        let found = self.writing(ctx, session).await?;
        let id = group("/community", id)?;
        let wanted = named(groups)?;
        let client = found.client()?;
        require(&client, &id, Role::is_admin).await?;
        let linking = client.link_groups(&id, &wanted);
        linking.await.map_err(community_error)
    }

    /// Lets a group go from its community; its members stay in the community.
    pub async fn unlink(
        &self,
        ctx: &Ctx,
        session: &str,
        (id, linked): (&str, &str),
    ) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let (id, linked) = (group("/community", id)?, group("/group", linked)?);
        let client = found.client()?;
        require(&client, &id, Role::is_admin).await?;
        let one = linked_group(&client, &id, &linked).await?;
        if one.kind == GroupKind::Announcement {
            let detail = "a community keeps its group for announcements";
            return Err(Error::conflict("is_announcement_group", detail));
        }
        match client.unlink_group(&id, &linked).await {
            Err(AskError::Denied(404)) => Err(NO_GROUP),
            done => done.map_err(community_error),
        }
    }

    /// Ends a community. Its groups stay, on their own.
    pub async fn deactivate(&self, ctx: &Ctx, session: &str, id: &str) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let id = group("/community", id)?;
        let client = found.client()?;
        let role = require(&client, &id, Role::is_admin).await?;
        match client.deactivate_community(&id).await {
            // What an admin may not do, whoever has made the community may.
            Err(AskError::Denied(401 | 403)) if role != Role::Owner => Err(refused(
                "not_community_owner",
                "only whoever made the community may end it",
            )),
            done => done.map_err(community_error),
        }
    }

    /// Comes into a group of a community that the account is in.
    pub async fn join(
        &self,
        ctx: &Ctx,
        session: &str,
        (id, linked): (&str, &str),
    ) -> Result<Joined, Error> {
        let found = self.writing(ctx, session).await?;
        let (id, linked) = (group("/community", id)?, group("/group", linked)?);
        let client = found.client()?;
        require(&client, &id, |_| true).await?;
        linked_group(&client, &id, &linked).await?;
        client.join_linked(&id, &linked).await.map_err(join_error)
    }
}

const NO_GROUP: Error = Error::NotFound { what: "group" };

async fn groups(client: &Client, id: &str) -> Result<Vec<CommunityGroup>, Error> {
    let asked = client.community_groups(id);
    asked.await.map_err(community_error)
}

/// A group of the community; one that is somewhere else is not there.
async fn linked_group(client: &Client, id: &str, group: &str) -> Result<CommunityGroup, Error> {
    let mut all = groups(client, id).await?.into_iter();
    let is_it = |one: &CommunityGroup| one.id.strip_suffix("@g.us") == Some(group);
    all.find(is_it).ok_or(NO_GROUP)
}

/// What this account is in the community, if that is enough.
async fn require(client: &Client, id: &str, may: impl Fn(Role) -> bool) -> Result<Role, Error> {
    match head(client, id).await?.role {
        Some(role) if may(role) => Ok(role),
        Some(_) => Err(refusals::not_an_admin()),
        None => Err(refusals::not_a_member()),
    }
}

/// Each group once; every fault is told at once.
fn named(groups: &[String]) -> Result<Vec<String>, Error> {
    if !(1..=MAX_LINKED).contains(&groups.len()) {
        let detail = format!("1 to {MAX_LINKED} groups can be named at once");
        return Err(Error::invalid("/groups", detail));
    }
    let (mut ids, mut faults) = (Vec::with_capacity(groups.len()), Vec::new());
    let mut seen = HashSet::new();
    for (at, text) in groups.iter().enumerate() {
        match group(&format!("/groups/{at}"), text) {
            Ok(id) => {
                if seen.insert(id.clone()) {
                    ids.push(id);
                }
            }
            Err(Error::Invalid { faults: more, .. }) => faults.extend(more),
            Err(other) => return Err(other),
        }
    }
    if faults.is_empty() {
        return Ok(ids);
    }
    Err(Error::Invalid {
        code: "invalid_address",
        faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_is_named_twice_and_a_person_is_none() {
        let twice = ["1@g.us", "1@g.us", "2@g.us"].map(str::to_owned);
        assert_eq!(named(&twice).unwrap(), ["1", "2"]);
        let wrong = ["1@g.us", "+491700000101"].map(str::to_owned);
        let Err(Error::Invalid { faults, .. }) = named(&wrong) else {
            panic!("a person is no group");
        };
        assert_eq!((faults.len(), &*faults[0].pointer), (1, "/groups/1"));
        assert!(named(&[]).is_err());
        let many: Vec<String> = (0..=MAX_LINKED).map(|id| format!("{id}@g.us")).collect();
        assert!(named(&many).is_err());
    }
}
