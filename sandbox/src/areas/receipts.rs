//! Receipts and acknowledgements.
//!
//! A receipt does two things: it takes the message out of the device's own queue, and it tells the sender. An `<ack>`
//! only does the first, a retry receipt only the second.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::messages::Chat;
use super::{media, phone, status};
use crate::dispatch::{Client, HandlerTable};
use crate::jids::{DeviceKey, Pn};
use crate::stanza::{Refusal, ack, attr, child, children, jid};
use crate::world::World;

pub(super) fn register(table: &mut HandlerTable) {
    table.stanza("receipt", receipt);
    table.stanza("ack", acknowledged);
}

/// What a receipt says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Delivered,
    /// Delivered to a device whose person is not looking.
    Inactive,
    Read,
    Played,
}

impl Kind {
    fn parse(wire: Option<&str>) -> Option<Self> {
        match wire {
            None | Some("delivery") => Some(Self::Delivered),
            Some("inactive") => Some(Self::Inactive),
            Some("read") => Some(Self::Read),
            Some("played") => Some(Self::Played),
            Some(_) => None,
        }
    }

    fn wire(self) -> Option<&'static str> {
        match self {
            Self::Delivered => None,
            Self::Inactive => Some("inactive"),
            Self::Read => Some("read"),
            Self::Played => Some("played"),
        }
    }

    /// How the phone's log calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Delivered | Self::Inactive => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }
}

/// A receipt on its way to whoever sent the messages.
#[derive(Debug, Clone)]
pub(crate) struct Slip {
    pub(crate) from: DeviceKey,
    pub(crate) chat: Chat,
    pub(crate) ids: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) lid: bool,
}

impl Slip {
    fn stanza(&self, world: &World) -> Option<Node> {
        let (first, more) = self.ids.split_first()?;
        let reader = if self.lid {
            world.lid_jid(self.from)
        } else {
            self.from.pn_jid()
        };
        let mut node = NodeBuilder::new("receipt")
            .attr("id", first.as_str())
            .attr("t", world.now_s().to_string());
        node = match &self.chat {
            Chat::Group(group) => node
                .attr("from", group)
                .attr("participant", reader)
                .attr("participant_pn", self.from.pn.jid()),
            Chat::Person(_) => node.attr("from", reader),
        };
        if let Some(kind) = self.kind.wire() {
            node = node.attr("type", kind);
        }
        if !more.is_empty() {
            let items = more
                .iter()
                .map(|id| NodeBuilder::new("item").attr("id", id.as_str()).build());
            node = node.children([NodeBuilder::new("list").children(items).build()]);
        }
        Some(node.build())
    }
}

/// Tells the sender of messages. Reading is for all devices of the person, delivery for the one that sent. What one device
/// has read, the others of its own person need not show as unread.
pub(crate) fn tell(world: &mut World, slip: &Slip, sender: DeviceKey) {
    let devices = match slip.kind {
        Kind::Read | Kind::Played => world.devices_of(sender.pn),
        Kind::Delivered | Kind::Inactive => vec![sender],
    };
    let Some(stanza) = slip.stanza(world) else {
        return;
    };
    for device in devices {
        if device.is_phone() {
            phone::log::receipt(world, device.pn, slip);
        } else {
            world.deliver(device, &stanza);
        }
    }
    if matches!(slip.kind, Kind::Read | Kind::Played) {
        let own = world.devices_of(slip.from.pn).into_iter();
        for device in own.filter(|device| *device != slip.from && !device.is_phone()) {
            world.deliver(device, &stanza);
        }
    }
}

/// `<receipt>` from a linked device.
fn receipt(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let to = jid(node, "to").ok_or(Refusal::BAD_REQUEST)?;
    let ids = ids(node).ok_or(Refusal::BAD_REQUEST)?;
    let kind = attr(node, "type");
    if kind.as_deref() == Some("server-error") {
        let taken = ack(node, world.now_s(), None);
        world.send(client.conn, &taken);
        media::asked(world, client, node);
        return Ok(());
    }
    // The resend of a message has its id too. If asking for it took the first one out of the queue, the ack of the
    // first one, which follows, would take out the resend.
    let asks_again = kind.as_deref() == Some("retry");
    if !asks_again {
        for id in &ids {
            world.acknowledged(client.device, "message", id, &to.user);
        }
    }
    let taken = ack(node, world.now_s(), None);
    world.send(client.conn, &taken);

    let author = if status::is_shared(&to) {
        jid(node, "participant")
    } else {
        Some(to.clone())
    };
    let Some(author) = author else { return Ok(()) };
    if asks_again {
        return retry(world, client, node, &to, &author);
    }
    // `sender`, `peer_msg` and the like only clear the device's own queue.
    let Some(kind) = Kind::parse(kind.as_deref()) else {
        return Ok(());
    };
    let Some(sender) = world.resolve(&author) else {
        return Ok(());
    };
    if sender.pn == client.device.pn {
        return Ok(());
    }
    let chat = chat_of(&to, sender.pn);
    let slip = Slip {
        from: client.device,
        chat,
        ids,
        kind,
        lid: author.is_lid(),
    };
    tell(world, &slip, sender);
    Ok(())
}

fn chat_of(to: &Jid, sender: Pn) -> Chat {
    if status::is_shared(to) {
        Chat::Group(to.clone())
    } else {
        Chat::Person(sender)
    }
}

fn ids(node: &Node) -> Option<Vec<String>> {
    let mut ids = vec![attr(node, "id")?.into_owned()];
    let list = child(node, "list").map(children).unwrap_or_default();
    ids.extend(
        list.iter()
            .filter_map(|item| Some(attr(item, "id")?.into_owned())),
    );
    Some(ids)
}

/// The device could not decrypt a message: whoever sent it must send it again.
fn retry(
    world: &mut World,
    client: Client,
    node: &Node,
    to: &Jid,
    author: &Jid,
) -> Result<(), Refusal> {
    let sender = world.resolve(author).ok_or(Refusal::NOT_FOUND)?;
    if sender.is_phone() {
        phone::retry_asked(world, sender.pn, client.device, node);
        return Ok(());
    }
    let requester = if author.is_lid() {
        world.lid_jid(client.device)
    } else {
        client.device.pn_jid()
    };
    let mut forward = NodeBuilder::new("receipt")
        .attr("id", attr(node, "id").as_deref().unwrap_or_default())
        .attr("type", "retry")
        .attr("t", world.now_s().to_string());
    forward = if status::is_shared(to) {
        forward.attr("from", to).attr("participant", requester)
    } else {
        forward.attr("from", requester)
    };
    for name in ["recipient", "category"] {
        if let Some(value) = attr(node, name) {
            forward = forward.attr(name, value.as_ref());
        }
    }
    let forward = forward.children(children(node).iter().cloned()).build();
    world.deliver(sender, &forward);
    Ok(())
}

/// `<ack>` from a linked device, also one that carries an error: either way it has seen the stanza.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a stanza handler may refuse, this one never does"
)]
fn acknowledged(world: &mut World, client: Client, node: &Node) -> Result<(), Refusal> {
    let (Some(class), Some(id)) = (attr(node, "class"), attr(node, "id")) else {
        return Ok(());
    };
    let from = jid(node, "to")
        .map(|to| to.user.to_string())
        .unwrap_or_default();
    world.acknowledged(client.device, &class, &id, &from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, mpsc};

    use super::*;
    use crate::world::live::{Backlog, CHANNEL_FRAMES, Stage};

    #[test]
    fn the_ack_of_a_message_that_could_not_be_read_leaves_its_resend_in_the_queue() {
        let mut world = World::new();
        let device = world.link_for_test();
        let writer = Pn::parse("491700000202").unwrap();
        world.person(writer).unwrap();
        let from = world.lid_jid(writer.phone());
        let (tx, _rx) = mpsc::channel(CHANNEL_FRAMES);
        let stage = Stage::Device {
            key: device,
            backlog: Backlog::Live,
        };
        let conn = world.live.open(tx, Arc::new(Notify::new()), stage);
        let client = Client { conn, device };
        let message = NodeBuilder::new("message")
            .attr("id", "M")
            .attr("from", &from)
            .build();
        world.deliver(device, &message);

        let retry = NodeBuilder::new("receipt")
            .attr("id", "M")
            .attr("type", "retry")
            .attr("to", &from)
            .children([NodeBuilder::new("retry").attr("id", "M").build()])
            .build();
        receipt(&mut world, client, &retry).unwrap();
        world.deliver(device, &message);
        let first = NodeBuilder::new("ack")
            .attr("class", "message")
            .attr("id", "M")
            .attr("to", &from)
            .build();
        acknowledged(&mut world, client, &first).unwrap();
        assert_eq!(world.queued(device), 1);
        acknowledged(&mut world, client, &first).unwrap();
        assert_eq!(world.queued(device), 0);
    }
}
