//! The verbs of groups.
//!
//! Owns what may be asked, and in which order. `http` and the dialects call it.

use std::collections::HashMap;

use super::{
    Ctx, Error, communities,
    picture::check_picture,
    running::{Running, ask_error, group},
    sessions::Sessions,
};
use crate::{
    domain::{
        address::{Address, Party},
        group::{
            Group, GroupInfo, JoinRequest, Joined, MemberChange, MemberResult, NewGroup, Role,
            member_code,
        },
        principal::Scope,
    },
    protocol::{AskError, Client},
};

mod check;
mod refusals;

pub use check::{GroupPatch, MAX_PEOPLE};
pub(super) use check::{check_description, check_subject};
use check::{check_new, invite_code, people};
use refusals::{explain, invite_error};

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Groups {
    running: Running,
}

/// A group that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The group.
    pub info: GroupInfo,
    /// Its members, and whoever was asked for and is none.
    pub participants: Vec<MemberResult>,
}

impl Groups {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let running = sessions.finder();
        Self { running }
    }

    /// The groups that the account is in, by id.
    pub async fn list(&self, ctx: &Ctx, session: &str) -> Result<Vec<Group>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let mut groups = found.client()?.groups().await.map_err(ask_error)?;
        groups.sort_unstable_by(|one, other| one.info.id.cmp(&other.info.id));
        Ok(groups)
    }

    /// One group that the account is in.
    pub async fn get(&self, ctx: &Ctx, session: &str, id: &str) -> Result<Group, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let id = group("/group", id)?;
        let client = found.client()?;
        show(&client, &id).await
    }

    /// Makes a group, in a community if one is named. Who is not on WhatsApp, or does not let themselves be added, is told by name.
    pub async fn create(
        &self,
        ctx: &Ctx,
        session: &str,
        mut new: NewGroup,
        participants: &[String],
    ) -> Result<Made, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        check_new(&new)?;
        let community = new.community.as_deref();
        new.community = community.map(|id| group("/community", id)).transpose()?;
        let wanted = people(participants, 0)?;
        let client = found.client()?;
        if let Some(id) = &new.community {
            let head = communities::head(&client, id).await?;
            communities::require_creating(&head)?;
        }
        let asked = identify(&client, &wanted).await.map_err(ask_error)?;
        let there: Vec<Party> = asked
            .iter()
            .filter_map(|(_, party)| party.clone())
            .collect();
        let made = client.create_group(&new, &there).await.map_err(ask_error)?;
        let mut results: Vec<MemberResult> = Vec::with_capacity(made.participants.len());
        for member in made.participants {
            results.push(result(member.party, Some(member.role), 200));
        }
        for (address, party) in asked {
            let status = if party.is_some() { 403 } else { 404 };
            let party = party.unwrap_or_else(|| alone(&address));
            let is_in = results.iter().any(|one| is_same(&one.party, &party));
            if !is_in {
                results.push(result(party, None, status));
            }
        }
        Ok(Made {
            info: made.info,
            participants: results,
        })
    }

    /// Changes a group, one thing after the other: after a refusal, what came before it stays changed.
    pub async fn update(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        patch: GroupPatch,
    ) -> Result<Group, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let id = group("/group", id)?;
        let changes = patch.changes()?;
        let client = found.client()?;
        for change in changes {
            if let Err(error) = client.change_group(&id, change).await {
                return Err(explain(&client, &id, error).await);
            }
        }
        show(&client, &id).await
    }

    /// Changes who is in a group or waits before it; tells for each how it went.
    pub async fn change_members(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        change: MemberChange,
        participants: &[String],
    ) -> Result<Vec<MemberResult>, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let id = group("/group", id)?;
        let wanted = people(participants, 1)?;
        let client = found.client()?;
        // WhatsApp refuses all of a request that names somebody who is not there.
        let (mut there, mut nobody) = (Vec::new(), Vec::new());
        for (address, party) in identify(&client, &wanted).await.map_err(ask_error)? {
            match party {
                Some(_) => there.push(address),
                None => nobody.push(result(alone(&address), None, 404)),
            }
        }
        if there.is_empty() {
            return Ok(nobody);
        }
        match client.change_members(&id, change, &there).await {
            Ok(mut results) => {
                results.extend(nobody);
                Ok(results)
            }
            Err(error) => Err(explain(&client, &id, error).await),
        }
    }

    /// Makes a member an admin, or an admin a member.
    pub async fn set_role(
        &self,
        ctx: &Ctx,
        session: &str,
        (id, participant): (&str, &str),
        role: Role,
    ) -> Result<MemberResult, Error> {
        let change = if role.is_admin() {
            MemberChange::Promote
        } else {
            MemberChange::Demote
        };
        let people = [participant.to_owned()];
        let results = self.change_members(ctx, session, id, change, &people).await;
        let outcome = results?.pop().ok_or(NO_PARTICIPANT)?;
        match outcome.status {
            200 => Ok(outcome),
            404 => Err(NO_PARTICIPANT),
            406 => Err(Error::Denied {
                code: "is_group_owner",
                detail: "whoever has made the group stays its admin".to_owned(),
            }),
            code => Err(ask_error(AskError::Denied(code))),
        }
    }

    /// The code that lets people in; `anew` makes the old one void.
    pub async fn invite(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        anew: bool,
    ) -> Result<String, Error> {
        let scope = if anew {
            Scope::MessagesSend
        } else {
            Scope::MessagesRead
        };
        let found = self.running.find(ctx, scope, session).await?;
        let id = group("/group", id)?;
        let client = found.client()?;
        match client.invite_link(&id, anew).await {
            Ok(link) => Ok(link.rsplit('/').next().unwrap_or_default().to_owned()),
            Err(error) => Err(explain(&client, &id, error).await),
        }
    }

    /// The group behind an invite.
    pub async fn preview(&self, ctx: &Ctx, session: &str, invite: &str) -> Result<Group, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let code = invite_code("/code", invite)?;
        let client = found.client()?;
        client.invited_to(code).await.map_err(invite_error)
    }

    /// Follows an invite.
    pub async fn join(&self, ctx: &Ctx, session: &str, invite: &str) -> Result<Joined, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let code = invite_code("/code", invite)?;
        let client = found.client()?;
        client.join_group(code).await.map_err(invite_error)
    }

    /// Who asks to join.
    pub async fn requests(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
    ) -> Result<Vec<JoinRequest>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let id = group("/group", id)?;
        let client = found.client()?;
        match client.join_requests(&id).await {
            Ok(requests) => Ok(requests),
            Err(error) => Err(explain(&client, &id, error).await),
        }
    }

    /// Changes a group's picture, a JPEG; none removes it.
    pub async fn set_picture(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        jpeg: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let id = group("/group", id)?;
        let jpeg = match jpeg {
            Some(jpeg) => Some(check_picture("/base64", jpeg).await?),
            None => None,
        };
        let client = found.client()?;
        match client.set_group_picture(&id, jpeg).await {
            Ok(()) => Ok(()),
            Err(error) => Err(explain(&client, &id, error).await),
        }
    }

    /// Leaves a group.
    pub async fn leave(&self, ctx: &Ctx, session: &str, id: &str) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let id = group("/group", id)?;
        let client = found.client()?;
        match client.leave_group(&id).await {
            Ok(()) => Ok(()),
            Err(error) => Err(explain(&client, &id, error).await),
        }
    }
}

const NO_PARTICIPANT: Error = Error::NotFound {
    what: "participant",
};

async fn show(client: &Client, id: &str) -> Result<Group, Error> {
    match client.group(id).await {
        Ok(group) => Ok(group),
        Err(error) => Err(explain(client, id, error).await),
    }
}

/// Each person with both numbers; none is not on WhatsApp.
async fn identify(
    client: &Client,
    wanted: &[Address],
) -> Result<Vec<(Address, Option<Party>)>, AskError> {
    let phone = |address: &Address| match address {
        Address::Phone(phone) => Some(phone.clone()),
        _ => None,
    };
    let phones: Vec<String> = wanted.iter().filter_map(phone).collect();
    let mut known = HashMap::new();
    if !phones.is_empty() {
        known = client.on_whatsapp(&phones).await?;
    }
    let mut people = Vec::with_capacity(wanted.len());
    for address in wanted {
        let party = match address {
            Address::Phone(phone) => known.get(phone).map(|found| found.party.clone()),
            other => client.identify(other).await?,
        };
        people.push((address.clone(), party));
    }
    Ok(people)
}

fn result(party: Party, role: Option<Role>, status: u16) -> MemberResult {
    MemberResult {
        party,
        role,
        status,
        code: member_code(status),
    }
}

/// Somebody of whom no more is known than what was asked.
fn alone(address: &Address) -> Party {
    match address {
        Address::Phone(phone) => Party::person(Some(phone.clone()), None),
        other => Party::person(None, Some(other.to_string())),
    }
}

fn is_same(one: &Party, other: &Party) -> bool {
    (one.phone.is_some() && one.phone == other.phone) || (one.lid.is_some() && one.lid == other.lid)
}
