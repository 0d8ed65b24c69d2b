//! From a phone's log to pieces of history.

use std::collections::BTreeMap;

use buffa::MessageField;
use wacore_binary::{Jid, JidExt as _};
use waproto::whatsapp as wa;
use waproto::whatsapp::history_sync::HistorySyncType as Kind;

use super::{Order, Wanted};
use crate::areas::phone::log::Entry;
use crate::areas::{groups, trust};
use crate::jids::Pn;
use crate::world::World;

/// Messages of each chat in the first piece.
const FIRST: usize = 30;
/// Messages of each later piece.
const EACH: usize = 2_000;

/// Messages of each chat, the oldest first.
type Chats = BTreeMap<String, Vec<Entry>>;

/// What the order asks for.
pub(super) fn of(world: &mut World, order: &Order) -> Vec<wa::HistorySync> {
    let pn = order.to.pn;
    let mut chats = chats(world, pn);
    match &order.wanted {
        Wanted::All if chats.is_empty() && trust::salt(world, pn).is_none() => Vec::new(),
        Wanted::All => all(world, pn, &mut chats),
        Wanted::Before {
            chat, id, count, ..
        } => {
            let mut entries = chats.remove(chat).unwrap_or_default();
            let end = entries
                .iter()
                .position(|entry| entry.id == *id)
                .unwrap_or(0);
            entries.truncate(end);
            let entries = entries.split_off(end.saturating_sub(*count));
            let conversation = conversation(world, pn, chat, entries);
            vec![piece(Kind::ON_DEMAND, vec![conversation])]
        }
    }
}

fn chats(world: &World, pn: Pn) -> Chats {
    let mut chats = Chats::new();
    for (_, entry) in world.areas.phone.log.after(pn, 0) {
        let chat = if entry.from.pn == pn || entry.to.contains('@') {
            entry.to.clone()
        } else {
            entry.from.pn.to_string()
        };
        chats.entry(chat).or_default().push(entry.clone());
    }
    for entries in chats.values_mut() {
        entries.sort_by_key(|entry| entry.at_ms);
    }
    chats
}

/// The latest of each chat, then the rest, then how people call themselves.
fn all(world: &mut World, pn: Pn, chats: &mut Chats) -> Vec<wa::HistorySync> {
    let mut first = Vec::new();
    for (chat, entries) in &mut *chats {
        let latest = entries.split_off(entries.len().saturating_sub(FIRST));
        first.push(conversation(world, pn, chat, latest));
    }
    let mut pieces = vec![wa::HistorySync {
        nct_salt: trust::salt(world, pn),
        ..piece(Kind::INITIAL_BOOTSTRAP, first)
    }];
    let people: Vec<Pn> = chats.keys().filter_map(|chat| Pn::parse(chat)).collect();
    for (chat, mut entries) in std::mem::take(chats) {
        while !entries.is_empty() {
            let some = entries.split_off(entries.len().saturating_sub(EACH));
            let conversation = conversation(world, pn, &chat, some);
            pieces.push(piece(Kind::RECENT, vec![conversation]));
        }
    }
    let count = pieces.len();
    for (at, piece) in pieces.iter_mut().enumerate() {
        piece.chunk_order = u32::try_from(at).ok();
        piece.progress = u32::try_from((at + 1) * 100 / count).ok();
    }
    let named = people.into_iter().filter_map(|person| {
        let name = world.accounts.get(&person)?.name.clone();
        Some(wa::Pushname {
            id: Some(person.jid().to_string()),
            pushname: Some(name),
        })
    });
    let names = wa::HistorySync {
        pushnames: named.collect(),
        ..piece(Kind::PUSH_NAME, Vec::new())
    };
    pieces.push(names);
    pieces
}

fn piece(kind: Kind, conversations: Vec<wa::Conversation>) -> wa::HistorySync {
    wa::HistorySync {
        sync_type: kind,
        conversations,
        ..Default::default()
    }
}

/// The same word in the message that says where the piece is.
pub(super) fn sync_type(piece: &wa::HistorySync) -> Option<wa::message::HistorySyncType> {
    use wa::message::HistorySyncType as Word;
    Some(match piece.sync_type {
        Kind::INITIAL_BOOTSTRAP => Word::INITIAL_BOOTSTRAP,
        Kind::RECENT => Word::RECENT,
        Kind::PUSH_NAME => Word::PUSH_NAME,
        Kind::ON_DEMAND => Word::ON_DEMAND,
        _ => return None,
    })
}

fn conversation(world: &mut World, pn: Pn, chat: &str, entries: Vec<Entry>) -> wa::Conversation {
    let unread = world
        .areas
        .history
        .unread
        .get(&(pn, chat.to_owned()))
        .copied();
    let partner = Pn::parse(chat);
    let id = match partner {
        Some(partner) => world.lid_jid(partner.phone()).to_string(),
        None => chat.to_owned(),
    };
    let group: Option<Jid> = chat.parse().ok().filter(Jid::is_group);
    let name = group.and_then(|group| groups::subject(world, &group));
    let messages = entries.into_iter().enumerate();
    let messages = messages.map(|(order, entry)| wa::HistorySyncMsg {
        msg_order_id: u64::try_from(order).ok(),
        message: MessageField::some(told(world, pn, (&id, partner.is_none()), &entry)),
    });
    let mut messages: Vec<wa::HistorySyncMsg> = messages.collect();
    // Phones tell the latest first.
    messages.reverse();
    wa::Conversation {
        lid_jid: partner.map(|_| id.clone()),
        pn_jid: partner.map(|partner| partner.jid().to_string()),
        id,
        name,
        unread_count: unread,
        messages,
        ..Default::default()
    }
}

fn told(
    world: &World,
    pn: Pn,
    (chat, is_group): (&str, bool),
    entry: &Entry,
) -> wa::WebMessageInfo {
    use wa::web_message_info::Status;
    let from_me = entry.from.pn == pn;
    let writer = world.lid_jid(entry.from.pn.phone()).to_string();
    let participant = (is_group && !from_me).then_some(writer);
    let name = world.accounts.get(&entry.from.pn);
    wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(from_me),
            id: Some(entry.id.clone()),
            participant: participant.clone(),
        }),
        message: MessageField::some(entry.message()),
        message_timestamp: Some(entry.at_ms / 1000),
        status: from_me.then_some(Status::DELIVERY_ACK),
        push_name: name
            .filter(|_| !from_me)
            .map(|account| account.name.clone()),
        participant,
        ..Default::default()
    }
}
