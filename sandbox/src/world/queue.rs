//! The queue of each linked device: everything it must acknowledge, in order, until it does.
//!
//! A stanza is queued first and sent second. A device that is connected gets it at once; a device that is
//! not, or that dies before it acknowledges, gets it at its next login, in the same place in the order.

use serde::{Deserialize, Serialize};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, OwnedNodeRef};

use super::World;
use super::live::{Backlog, ConnId};
use crate::areas::faults;
use crate::jids::DeviceKey;
use crate::stanza::{attr, jid};
use crate::store::Blob;

/// Sent in one go while a backlog is flushed; far below the channel's room, so that a flush cannot fill it.
const FLUSH_STANZAS: usize = 128;

/// One unacknowledged stanza.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Queued {
    /// `message`, `receipt`, `notification` or `call`.
    pub(crate) class: String,
    pub(crate) id: String,
    /// The user part of the stanza's `from`: with class and id it names the stanza in an ack.
    pub(crate) from: String,
    pub(crate) at_ms: u64,
    stanza: Blob,
}

impl World {
    /// Queues a stanza for a linked device and sends it if the device is listening. Needs `id` and `from`.
    /// A phone has no queue: it lives in the sandbox.
    pub(crate) fn deliver(&mut self, to: DeviceKey, node: &Node) {
        if faults::receipt_is_lost(self, node) {
            return;
        }
        let Some(stanza) = Self::encode(node) else {
            return;
        };
        if !self.devices.contains(&to) {
            return;
        }
        let last = self.queue.range((to, 0)..=(to, u64::MAX)).next_back();
        let after_last = last.map_or(0, |((_, number), _)| number + 1);
        let end = self.queue_ends.entry(to).or_insert(after_last);
        let number = *end;
        *end += 1;
        let queued = Queued {
            class: node.tag.to_string(),
            id: attr(node, "id").unwrap_or_default().into_owned(),
            from: jid(node, "from")
                .map(|from| from.user.to_string())
                .unwrap_or_default(),
            at_ms: self.now_ms,
            stanza,
        };
        self.queue.insert((to, number), queued);
        if let Some(conn) = self.live.listening(to) {
            self.send(conn, node);
            if self.live.is_crowded(conn)
                && let Some(backlog) = self.live.backlog(conn)
            {
                *backlog = Backlog::Flushing {
                    next: number + 1,
                    count: 0,
                    offline: false,
                };
                self.live.wants_more(conn);
            }
        }
    }

    /// Sends a stanza that is worth nothing later (presence, typing) if the device is listening.
    pub(crate) fn send_if_listening(&mut self, to: DeviceKey, node: &Node) {
        if let Some(conn) = self.live.listening(to) {
            self.send(conn, node);
        }
    }

    /// The device has it: the stanza leaves the queue.
    pub(crate) fn acknowledged(&mut self, device: DeviceKey, class: &str, id: &str, from: &str) {
        let found = self
            .queue
            .range((device, 0)..=(device, u64::MAX))
            .find(|(_, q)| q.id == id && q.class == class && (from.is_empty() || q.from == from))
            .map(|(key, _)| *key);
        if let Some(key) = found {
            self.queue.remove(&key);
        }
    }

    /// How many stanzas wait for a device.
    pub(crate) fn queued(&self, device: DeviceKey) -> usize {
        self.queue.range((device, 0)..=(device, u64::MAX)).count()
    }

    /// The device says it is active: announce the backlog and start sending it.
    pub(crate) fn start_flush(&mut self, conn: ConnId, device: DeviceKey) {
        let count_of = |class: &str| {
            let all = self.queue.range((device, 0)..=(device, u64::MAX));
            all.filter(|(_, q)| q.class == class).count()
        };
        let total = self.queued(device);
        if total > 0 {
            let preview = NodeBuilder::new("offline_preview")
                .attr("count", total.to_string())
                .attr("message", count_of("message").to_string())
                .attr("receipt", count_of("receipt").to_string())
                .attr("notification", count_of("notification").to_string())
                .attr("call", count_of("call").to_string())
                .attr("appdata", "0")
                .build();
            self.send(conn, &ib(preview));
        }
        if let Some(backlog) = self.live.backlog(conn) {
            *backlog = Backlog::Flushing {
                next: 0,
                count: 0,
                offline: true,
            };
        }
        self.flush_more(conn);
    }

    /// Sends the next part of the backlog; after the last part the device is live.
    pub(crate) fn flush_more(&mut self, conn: ConnId) {
        let Some(device) = self.live.device_of(conn) else {
            return;
        };
        let Some(&mut Backlog::Flushing {
            next,
            count,
            offline,
        }) = self.live.backlog(conn)
        else {
            return;
        };
        let part: Vec<(u64, Blob)> = self
            .queue
            .range((device, next)..=(device, u64::MAX))
            .take(FLUSH_STANZAS)
            .map(|((_, number), q)| (*number, q.stanza.clone()))
            .collect();
        for (_, stanza) in &part {
            if let Some(mut node) = decode(stanza) {
                if offline {
                    node.attrs.insert("offline", "0");
                }
                self.send(conn, &node);
            }
        }
        let count = count + part.len() as u64;
        let now = if part.len() < FLUSH_STANZAS {
            if offline {
                let done = NodeBuilder::new("offline")
                    .attr("count", count.to_string())
                    .build();
                self.send(conn, &ib(done));
            }
            Backlog::Live
        } else {
            self.live.wants_more(conn);
            let next = part.last().map_or(next, |(number, _)| number + 1);
            Backlog::Flushing {
                next,
                count,
                offline,
            }
        };
        if let Some(backlog) = self.live.backlog(conn) {
            *backlog = now;
        }
    }
}

fn ib(child: Node) -> Node {
    NodeBuilder::new("ib")
        .attr("from", wacore_binary::SERVER_JID)
        .children([child])
        .build()
}

fn decode(stanza: &Blob) -> Option<Node> {
    // The first byte is the frame's flag byte.
    let body = stanza.0.get(1..)?.to_vec();
    OwnedNodeRef::new(body)
        .ok()
        .map(|node| node.to_owned_node())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, mpsc};

    use super::*;
    use crate::world::live::{CHANNEL_FRAMES, Out, Stage};

    const MESSAGES: usize = 2 * CHANNEL_FRAMES;

    fn message(id: usize) -> Node {
        NodeBuilder::new("message")
            .attr("id", id.to_string())
            .attr("from", "1@lid")
            .build()
    }

    fn connect(world: &mut World, device: DeviceKey) -> (ConnId, mpsc::Receiver<Out>) {
        let (tx, rx) = mpsc::channel(CHANNEL_FRAMES);
        let stage = Stage::Device {
            key: device,
            backlog: Backlog::Live,
        };
        (world.live.open(tx, Arc::new(Notify::new()), stage), rx)
    }

    /// What the writer does: empty the channel, then ask for more, until there is no more.
    fn read_all(world: &mut World, conn: ConnId, rx: &mut mpsc::Receiver<Out>) -> Vec<Node> {
        let mut read = Vec::new();
        loop {
            let before = read.len();
            while let Ok(Out::Frame(frame)) = rx.try_recv() {
                read.push(decode(&Blob(frame)).unwrap());
            }
            world.flush_more(conn);
            world.live.release();
            if read.len() == before && rx.is_empty() {
                return read;
            }
        }
    }

    #[test]
    fn a_device_that_reads_slowly_keeps_its_connection_and_the_order() {
        let mut world = World::new();
        let device = world.link_for_test();
        let (conn, mut rx) = connect(&mut world, device);
        for id in 0..MESSAGES {
            world.deliver(device, &message(id));
            world.live.release();
        }
        assert!(world.live.conns.contains_key(&conn));
        assert!(rx.len() < CHANNEL_FRAMES);

        let read = read_all(&mut world, conn, &mut rx);
        let ids: Vec<_> = read
            .iter()
            .map(|n| attr(n, "id").unwrap().into_owned())
            .collect();
        assert_eq!(
            ids,
            (0..MESSAGES).map(|id| id.to_string()).collect::<Vec<_>>()
        );
        // Nothing of this was missed, so nothing says `offline`.
        assert!(read.iter().all(|n| attr(n, "offline").is_none()));
        assert!(world.live.listening(device).is_some());
    }

    #[test]
    fn a_device_that_is_told_much_in_one_step_keeps_its_connection_and_the_order() {
        let mut world = World::new();
        let device = world.link_for_test();
        let (conn, mut rx) = connect(&mut world, device);
        // As when everybody in a large group says that a message has come.
        for id in 0..MESSAGES {
            world.deliver(device, &message(id));
        }
        world.live.release();
        assert!(world.live.conns.contains_key(&conn));

        let read = read_all(&mut world, conn, &mut rx);
        let ids = read.iter().map(|node| attr(node, "id").unwrap());
        assert!(ids.eq((0..MESSAGES).map(|id| id.to_string())));
    }

    #[test]
    fn a_device_that_comes_back_gets_what_it_has_not_acknowledged() {
        let mut world = World::new();
        let device = world.link_for_test();
        for id in 0..300 {
            world.deliver(device, &message(id));
        }
        world.acknowledged(device, "message", "1", "1");
        let (tx, mut rx) = mpsc::channel(CHANNEL_FRAMES);
        let backlog = Backlog::NotAsked;
        let stage = Stage::Device {
            key: device,
            backlog,
        };
        let conn = world.live.open(tx, Arc::new(Notify::new()), stage);
        world.start_flush(conn, device);
        world.live.release();
        // Written while the device catches up: it waits for its turn.
        world.deliver(device, &message(300));

        let read = read_all(&mut world, conn, &mut rx);
        let tags: Vec<&str> = read.iter().map(|n| n.tag.as_ref()).collect();
        assert_eq!((tags[0], tags[tags.len() - 1]), ("ib", "ib"));
        let messages = &read[1..read.len() - 1];
        let ids: Vec<_> = messages
            .iter()
            .map(|n| attr(n, "id").unwrap().into_owned())
            .collect();
        let expected = (0..=300).filter(|id| *id != 1).map(|id| id.to_string());
        assert_eq!(ids, expected.collect::<Vec<_>>());
        let done = crate::stanza::child(&read[read.len() - 1], "offline").unwrap();
        assert_eq!(attr(done, "count").as_deref(), Some("300"));
    }
}
