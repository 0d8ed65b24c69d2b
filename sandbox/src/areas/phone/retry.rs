//! When a message cannot be decrypted: the phone asks for it again, and answers those who ask.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::send::{self, Outgoing};
use super::signal;
use crate::areas::messages::{Chat, Letter};
use crate::areas::prekeys::{self, Bundle};
use crate::areas::{groups, status};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{attr, child, child_bytes, child_number};
use crate::store::{Blob, Secret};
use crate::world::World;

/// After so many requests for one message the phone gives up, as clients do.
const MAX_RETRIES: u32 = 5;

/// Asks the sender for a letter that could not be opened, with fresh keys.
pub(super) fn ask(world: &mut World, pn: Pn, letter: &Letter) {
    if letter.from.is_phone() {
        // Both phones live here and share the tables: a session between them cannot be out of step.
        tracing::warn!(from = ?letter.from, "two phones of the sandbox do not understand each other");
        return;
    }
    let key = (pn, letter.id.clone(), letter.from);
    let count = world.areas.phone.retries.get(&key).copied().unwrap_or(0) + 1;
    if count > MAX_RETRIES {
        return;
    }
    let Some(bundle) = prekeys::take_bundle(world, pn.phone()) else {
        return;
    };
    world.areas.phone.retries.insert(key, count);
    let now = world.now_s().to_string();
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("id", letter.id.as_str())
        .attr("t", now.as_str())
        .attr("count", count.to_string())
        .build();
    let (registration, keys): (Vec<Node>, Vec<Node>) = bundle
        .nodes()
        .into_iter()
        .partition(|node| node.tag == "registration");
    let keys = NodeBuilder::new("keys").children(keys).build();
    let me = if letter.lid {
        world.lid_jid(pn.phone())
    } else {
        pn.jid()
    };
    let mut receipt = NodeBuilder::new("receipt")
        .attr("id", letter.id.as_str())
        .attr("type", "retry")
        .attr("t", now.as_str());
    receipt = match &letter.chat {
        Chat::Group(group) => receipt.attr("from", group).attr("participant", me),
        Chat::Person(to) if letter.from.pn == pn => receipt
            .attr("from", me)
            .attr("recipient", world.lid_jid(to.phone())),
        Chat::Person(_) => receipt.attr("from", me),
    };
    let children = std::iter::once(retry).chain(registration).chain([keys]);
    let receipt = receipt.children(children).build();
    world.deliver(letter.from, &receipt);
}

/// A linked device could not open what this phone sent: a fresh session, and the message once more.
pub(crate) fn retry_asked(world: &mut World, pn: Pn, requester: DeviceKey, node: &Node) {
    let Some(retry) = child(node, "retry") else {
        return;
    };
    let id = attr(retry, "id")
        .or_else(|| attr(node, "id"))
        .unwrap_or_default();
    let count = attr(retry, "count")
        .and_then(|c| c.parse().ok())
        .unwrap_or(1);
    if count > MAX_RETRIES {
        return;
    }
    match bundle_of(node) {
        Some(bundle) => {
            if let Err(fault) = signal::start_session(world, pn, requester, &bundle) {
                tracing::warn!(?requester, %fault, "a retry brings unusable keys");
                return;
            }
        }
        // Without keys in the request the next ciphertext starts from the keys on the server.
        None => {
            world.areas.phone.sessions.remove(&(pn, requester));
        }
    }
    let Some(entry) = world.areas.phone.log.find(pn, &id).cloned() else {
        tracing::debug!(
            ?requester,
            "asked again for a message that this phone did not write"
        );
        return;
    };
    if entry.from != pn.phone() {
        return;
    }
    let message = entry.message();
    let outgoing = Outgoing {
        id: entry.id,
        edit: send::edit_of(&message),
        message,
    };
    let sent = match Pn::parse(&entry.to) {
        Some(to) => send::to_device(world, pn, requester, to, &outgoing, Some(count)),
        None => match entry.to.parse() {
            Ok(chat) if chat == status::chat() => status::resend(world, pn, requester, &outgoing),
            Ok(group) => groups::resend(world, pn, &group, requester, &outgoing),
            Err(_) => return,
        },
    };
    if let Err(fault) = sent {
        tracing::warn!(?requester, %fault, "a phone cannot send a message again");
    }
}

/// The keys in a retry receipt.
fn bundle_of(node: &Node) -> Option<Bundle> {
    let keys = child(node, "keys")?;
    Some(Bundle {
        registration_id: child_number(node, "registration")?,
        identity: Secret::from_slice(&child_bytes(keys, "identity")?)?.0,
        signed: prekeys::read_signed(keys)?,
        one_time: child(keys, "key")
            .and_then(prekeys::read_one_time)
            .map(|(id, key)| (id, key.0)),
        device_identity: child_bytes(keys, "device-identity").map(|b| Blob(b.into_owned())),
    })
}
