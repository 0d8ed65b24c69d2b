//! History: what a phone tells a newly linked device of the past, in encrypted blobs that a message points to.
//!
//! The world only notes who is to be told what ([`Order`]); blobs are made and put on the shelf without the lock, by the
//! task of the socket that asked.

mod pieces;
mod routes;

use std::io::Write as _;

use buffa::{Message as _, MessageField};
use flate2::{Compression, write::ZlibEncoder};
use wacore::download::MediaType;
use wacore::upload::{EncryptedMedia, encrypt_media_with_key};
use waproto::whatsapp as wa;

use super::media::{self, ShelfFault};
use super::phone;
use crate::hub::{Hub, Stopped};
use crate::jids::{DeviceKey, Pn};
use crate::store::{Persist, Table};
use crate::world::World;

pub(super) use routes::routes;

/// What phones keep, and what is to be told.
#[derive(Debug)]
pub(crate) struct Tables {
    /// How many of the latest messages of a chat the person has not read: (whose phone, chat).
    unread: Table<(Pn, String), u32>,
    orders: Vec<Order>,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            unread: Table::new("phone_unread"),
            orders: Vec::new(),
        }
    }

    pub(super) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.unread]
    }
}

/// A device that is to be told of the past.
#[derive(Debug)]
pub(crate) struct Order {
    to: DeviceKey,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    /// All of it: the device was just linked.
    All,
    /// What stands before a message.
    Before {
        chat: String,
        id: String,
        count: usize,
        /// The id of the request.
        request: String,
    },
}

/// A device was linked.
pub(super) fn linked(world: &mut World, to: DeviceKey) {
    let wanted = Wanted::All;
    world.areas.history.orders.push(Order { to, wanted });
}

/// What is to be told since the last call.
pub(crate) fn orders(world: &mut World) -> Vec<Order> {
    std::mem::take(&mut world.areas.history.orders)
}

/// A device asks for what stands before a message.
pub(super) fn asked(
    world: &mut World,
    (from, request): (DeviceKey, &str),
    question: &wa::message::peer_data_operation_request_message::HistorySyncOnDemandRequest,
) {
    let chat = question.chat_jid.as_ref().and_then(|jid| jid.parse().ok());
    let (Some(chat), Some(id)) = (chat, question.oldest_msg_id.clone()) else {
        return;
    };
    let chat = match world.resolve(&chat) {
        Some(person) => person.pn.to_string(),
        None => chat.to_string(),
    };
    let count = question.on_demand_msg_count.unwrap_or_default();
    let wanted = Wanted::Before {
        chat,
        id,
        count: usize::try_from(count).unwrap_or_default(),
        request: request.to_owned(),
    };
    world.areas.history.orders.push(Order { to: from, wanted });
}

/// Tells it: a blob for each piece, and a message that says where it is.
pub(crate) async fn tell(hub: &Hub, order: Order) -> Result<(), Stopped> {
    let pieces = hub.with(|world| pieces::of(world, &order))?;
    let request = match &order.wanted {
        Wanted::All => None,
        Wanted::Before { request, .. } => Some(request.clone()),
    };
    for piece in pieces {
        let key = hub.with(World::random::<32>)?;
        let notification = match shelve(hub, &piece, key).await {
            Ok(notification) => notification,
            Err(fault) => {
                tracing::warn!(%fault, "a phone cannot upload its history");
                return Ok(());
            }
        };
        let notification = wa::message::HistorySyncNotification {
            peer_data_request_session_id: request.clone(),
            ..notification
        };
        let message = wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage {
                r#type: Some(wa::message::protocol_message::Type::HISTORY_SYNC_NOTIFICATION),
                history_sync_notification: MessageField::some(notification),
                ..Default::default()
            }),
            ..Default::default()
        };
        hub.with(|world| phone::send::to_own_device(world, order.to, &message))?;
    }
    Ok(())
}

/// Compresses, encrypts and uploads a piece as a phone does.
async fn shelve(
    hub: &Hub,
    piece: &wa::HistorySync,
    key: [u8; 32],
) -> Result<wa::message::HistorySyncNotification, ShelfFault> {
    let plain = piece.encode_to_vec();
    let sealing = tokio::task::spawn_blocking(move || {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&plain)?;
        let packed = packed.finish()?;
        let length = packed.len();
        let sealed = encrypt_media_with_key(&packed, MediaType::History, Some(&key));
        let sealed = sealed.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>((sealed, length))
    });
    let sealed = sealing.await.map_err(std::io::Error::other)?;
    let (sealed, length) = sealed?;
    let EncryptedMedia {
        data_to_upload,
        file_sha256,
        file_enc_sha256,
        ..
    } = sealed;
    let direct_path =
        media::shelve(hub, MediaType::History, &file_enc_sha256, data_to_upload).await?;
    Ok(wa::message::HistorySyncNotification {
        file_sha256: Some(file_sha256.to_vec()),
        file_length: Some(length as u64),
        media_key: Some(key.to_vec()),
        file_enc_sha256: Some(file_enc_sha256.to_vec()),
        direct_path: Some(direct_path),
        sync_type: pieces::sync_type(piece),
        chunk_order: piece.chunk_order,
        progress: piece.progress,
        ..Default::default()
    })
}
