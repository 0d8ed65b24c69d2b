//! The other address of the people that come with messages, where the client knows it.
//!
//! Called by the durability hook alone, once a batch.

use std::collections::HashMap;

use wacore_binary::Jid;

use crate::domain::{
    address::{ChatKind, Party},
    event::ChatUpdateData,
    message::{Context, Message},
};

/// Completes whom messages mention and answer, and the chats of two that they and `changes` are about: what the account's own
/// phone has written names whom it went to by the LID alone.
pub(super) async fn complete(
    client: &whatsapp_rust::Client,
    messages: &mut [Message],
    changes: &mut [ChatUpdateData],
) {
    for message in &mut *messages {
        of_context(client, &mut message.context).await;
    }
    // Each once: a miss is a read of the database.
    let mut asked: HashMap<String, Party> = HashMap::new();
    let chats = messages.iter_mut().map(|message| &mut message.chat);
    let chats = chats.chain(changes.iter_mut().map(|change| &mut change.chat));
    for chat in chats.filter(|chat| chat.kind == ChatKind::User) {
        let party = &mut chat.party;
        if is_whole(party) {
            continue;
        }
        if let Some(known) = asked.get(&party.id) {
            party.clone_from(known);
            continue;
        }
        let id = party.id.clone();
        know(client, party).await;
        asked.insert(id, party.clone());
    }
}

async fn of_context(client: &whatsapp_rust::Client, context: &mut Context) {
    let answered = context.reply_to.as_mut();
    let answered = answered.and_then(|reply| reply.sender.as_mut());
    for party in context.mentions.iter_mut().chain(answered) {
        know(client, party).await;
    }
}

const fn is_whole(party: &Party) -> bool {
    party.phone.is_some() && party.lid.is_some()
}

async fn know(client: &whatsapp_rust::Client, party: &mut Party) {
    if is_whole(party) {
        return;
    }
    let known: Option<Jid> = party.id.parse().ok();
    let Some(jid) = known else { return };
    if let Ok(Some(entry)) = client.get_lid_pn_entry(&jid).await {
        let lid = format!("{}@lid", entry.lid);
        *party = Party::person(Some(entry.phone_number.to_string()), Some(lid));
    }
}
