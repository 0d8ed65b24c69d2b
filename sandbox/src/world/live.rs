//! Who is connected right now. Not persistent: a restart disconnects everybody.
//!
//! The outbox collects what a step wants to say. The hub hands it to the connections' channels after the
//! journal is written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::areas::pairing::PairingSocket;
use crate::jids::DeviceKey;

/// Room in one connection's channel. From half of it on a device is served from its queue, at its own pace. When it is
/// full all the same the connection is closed: nothing is lost, since what matters waits in the queue for the next login.
pub(crate) const CHANNEL_FRAMES: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnId(pub(crate) u64);

/// What a writer task does next.
#[derive(Debug)]
pub(crate) enum Out {
    /// An encoded stanza, to be encrypted and framed.
    Frame(Vec<u8>),
    /// The same, not before this moment. What follows waits as well: the order stays.
    Late(Vec<u8>, Instant),
    /// Close the socket after everything before it.
    Close,
    /// Drop the socket without a word.
    Cut,
}

/// What a connection is for.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Not linked yet: shows a QR or a code.
    Pairing(Box<PairingSocket>),
    Device {
        key: DeviceKey,
        backlog: Backlog,
    },
}

/// How far a device has caught up with its queue on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backlog {
    /// Has not said that it is active: nothing is delivered.
    NotAsked,
    /// Everything below `next` was sent, `count` of it on this connection. `offline`: the device is catching up with
    /// what it missed; else it only reads more slowly than others write.
    Flushing {
        next: u64,
        count: u64,
        offline: bool,
    },
    /// Stanzas go out as they come.
    Live,
}

#[derive(Debug)]
pub(crate) struct Conn {
    tx: mpsc::Sender<Out>,
    /// Wakes the writer: once its channel has run empty there is more in the device's queue.
    more: Arc<Notify>,
    pub(crate) stage: Stage,
    /// Frames of this step that are not in the channel yet.
    unreleased: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Live {
    next_conn: u64,
    pub(crate) conns: HashMap<ConnId, Conn>,
    by_device: HashMap<DeviceKey, ConnId>,
    outbox: Vec<(ConnId, Out)>,
}

impl Live {
    pub(crate) fn open(
        &mut self,
        tx: mpsc::Sender<Out>,
        more: Arc<Notify>,
        stage: Stage,
    ) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        if let Stage::Device { key, .. } = &stage {
            self.by_device.insert(*key, conn);
        }
        let unreleased = 0;
        let open = Conn {
            tx,
            more,
            stage,
            unreleased,
        };
        self.conns.insert(conn, open);
        conn
    }

    /// Forgets a connection whose socket is gone.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        let Some(gone) = self.conns.remove(&conn) else {
            return;
        };
        if let Stage::Device { key, .. } = gone.stage
            && self.by_device.get(&key) == Some(&conn)
        {
            self.by_device.remove(&key);
        }
    }

    pub(crate) fn conn_of(&self, device: DeviceKey) -> Option<ConnId> {
        self.by_device.get(&device).copied()
    }

    pub(crate) fn device_of(&self, conn: ConnId) -> Option<DeviceKey> {
        match self.conns.get(&conn)?.stage {
            Stage::Device { key, .. } => Some(key),
            Stage::Pairing(_) => None,
        }
    }

    pub(crate) fn pairing(&mut self, conn: ConnId) -> Option<&mut PairingSocket> {
        match &mut self.conns.get_mut(&conn)?.stage {
            Stage::Pairing(socket) => Some(socket),
            Stage::Device { .. } => None,
        }
    }

    pub(crate) fn backlog(&mut self, conn: ConnId) -> Option<&mut Backlog> {
        match &mut self.conns.get_mut(&conn)?.stage {
            Stage::Device { backlog, .. } => Some(backlog),
            Stage::Pairing(_) => None,
        }
    }

    /// The connection that takes a device's stanzas as they come, if it is that far.
    pub(crate) fn listening(&self, device: DeviceKey) -> Option<ConnId> {
        let conn = self.conn_of(device)?;
        match self.conns.get(&conn)?.stage {
            Stage::Device {
                backlog: Backlog::Live,
                ..
            } => Some(conn),
            _ => None,
        }
    }

    /// Whether a connection is so far behind that its device should read from the queue instead.
    pub(crate) fn is_crowded(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|open| {
            let room = open.tx.capacity().saturating_sub(open.unreleased);
            room < CHANNEL_FRAMES / 2
        })
    }

    pub(crate) fn push(&mut self, conn: ConnId, frame: Vec<u8>) {
        if let Some(open) = self.conns.get_mut(&conn) {
            open.unreleased += 1;
        }
        self.outbox.push((conn, Out::Frame(frame)));
    }

    /// Latency of the line is real time, so it does not follow the world's clock.
    pub(crate) fn push_late(&mut self, conn: ConnId, frame: Vec<u8>, by: Duration) {
        self.outbox
            .push((conn, Out::Late(frame, Instant::now() + by)));
    }

    /// Cuts the socket once what is before it has been written.
    pub(crate) fn cut(&mut self, conn: ConnId) {
        self.outbox.push((conn, Out::Cut));
    }

    /// Closes the socket once what is before it has been written.
    pub(crate) fn close(&mut self, conn: ConnId) {
        self.outbox.push((conn, Out::Close));
    }

    pub(crate) fn wants_more(&self, conn: ConnId) {
        if let Some(conn) = self.conns.get(&conn) {
            conn.more.notify_one();
        }
    }

    /// Hands the outbox over; returns how many frames left. A full channel costs its connection.
    pub(crate) fn release(&mut self) -> u64 {
        let mut frames = 0;
        for (conn, out) in std::mem::take(&mut self.outbox) {
            let Some(open) = self.conns.get_mut(&conn) else {
                continue;
            };
            open.unreleased = 0;
            frames += u64::from(matches!(out, Out::Frame(_) | Out::Late(..)));
            match open.tx.try_send(out) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    tracing::warn!(conn = conn.0, "a connection does not read: closing it");
                    self.closed(conn);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.closed(conn),
            }
        }
        frames
    }

    /// Drops what a failed step wanted to say, and everybody with it.
    pub(crate) fn abandon(&mut self) {
        self.outbox.clear();
        self.by_device.clear();
        self.conns.clear();
    }
}
