//! Files that the server has dropped, and the phone that puts them up again when a device asks.
//!
//! A device whose download was refused sends `<receipt type="server-error">` to its own account; the phone answers with
//! `<notification type="mediaretry">`, both encrypted with a key that follows from the file's. What was dropped is not
//! remembered over a restart of the sandbox.

use std::borrow::Cow;
use std::collections::HashSet;

use buffa::Message as _;
use wacore::crypto::hkdf_sha256_into;
use wacore::media_retry::decrypt_media_retry_notification;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::crypto::aes_256_gcm_encrypt;
use waproto::whatsapp as wa;
use waproto::whatsapp::media_retry_notification::ResultType;

use super::shelf::token_of;
use super::{Sealed, direct_path, sealed};
use crate::areas::phone::view::unwrap;
use crate::dispatch::Client;
use crate::stanza::{attr, child, child_bytes};
use crate::world::World;

/// What both keys are derived for.
const PURPOSE: &[u8] = b"WhatsApp Media Retry Notification";

/// `<error code>`: there is nothing that could be put up again.
const NOT_FOUND: &str = "2";
/// `<error code>`: the request does not decrypt.
const UNREADABLE: &str = "3";

/// What is not to be had any more.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Names under which the server serves nothing.
    names: HashSet<String>,
    /// Blobs that the phones do not have either.
    lost: HashSet<String>,
}

impl Dropped {
    /// The blob that is served under `name`: its own name, or that of a later upload, `<token>.<number>`.
    pub(super) fn token<'a>(&self, name: &'a str) -> Option<&'a str> {
        let is_dropped = self.names.contains(name);
        (!is_dropped).then(|| name.split_once('.').map_or(name, |(token, _)| token))
    }

    /// The name under which a blob is to be had, once a phone has put it up again.
    fn name(&self, token: &str) -> String {
        let later = (1..).map(|number| format!("{token}.{number}"));
        let mut names = std::iter::once(token.to_owned()).chain(later);
        names
            .find(|name| !self.names.contains(name))
            .unwrap_or_default()
    }

    /// The server forgets a blob, and with `everywhere` the phones do.
    fn drop(&mut self, token: &str, everywhere: bool) {
        self.names.insert(self.name(token));
        if everywhere {
            self.lost.insert(token.to_owned());
        }
    }
}

/// The file of a message is no longer to be had under the name that the message says.
pub(super) fn drop_file(world: &mut World, sealed: &Sealed, everywhere: bool) {
    let token = token_of(&sealed.file_enc_sha256);
    world.areas.media.dropped.drop(&token, everywhere);
}

/// A device asks its phone for a file.
pub(crate) fn asked(world: &mut World, client: Client, node: &Node) {
    let Some(id) = attr(node, "id").map(Cow::into_owned) else {
        return;
    };
    let answer = match answer(world, client, &id, node) {
        Ok(encrypted) => encrypted,
        Err(code) => NodeBuilder::new("error").attr("code", code).build(),
    };
    let mut children = vec![answer];
    children.extend(child(node, "rmr").cloned());
    let notification = NodeBuilder::new("notification")
        .attr("type", "mediaretry")
        .attr("id", id)
        .attr("from", client.device.pn.jid())
        .attr("t", world.now_s().to_string())
        .children(children)
        .build();
    world.deliver(client.device, &notification);
}

fn answer(world: &mut World, client: Client, id: &str, node: &Node) -> Result<Node, &'static str> {
    let entry = world.areas.phone.log.find(client.device.pn, id);
    let file = entry.and_then(|entry| sealed(unwrap(&entry.message())));
    let file = file.ok_or(NOT_FOUND)?;
    let encrypted = child(node, "encrypt").ok_or(UNREADABLE)?;
    let part = |name| child_bytes(encrypted, name).ok_or(UNREADABLE);
    let (text, iv) = (part("enc_p")?, part("enc_iv")?);
    let plain = decrypt_media_retry_notification(&file.media_key, id, &iv, &text);
    let request = wa::ServerErrorReceipt::decode_from_slice(&plain.map_err(|_| UNREADABLE)?);
    if request.map_err(|_| UNREADABLE)?.stanza_id.as_deref() != Some(id) {
        return Err(UNREADABLE);
    }
    let token = token_of(&file.file_enc_sha256);
    let dropped = &world.areas.media.dropped;
    let path = (!dropped.lost.contains(&token)).then(|| {
        let kind = file.kind.media_type().mms_type();
        direct_path(kind, &dropped.name(&token))
    });
    let result = match path {
        Some(_) => ResultType::SUCCESS,
        None => ResultType::NOT_FOUND,
    };
    let told = wa::MediaRetryNotification {
        stanza_id: Some(id.to_owned()),
        direct_path: path,
        result: Some(result),
        ..Default::default()
    };
    let iv: [u8; 12] = world.random();
    encrypt(&file.media_key, id, &iv, &told.encode_to_vec()).ok_or(UNREADABLE)
}

fn encrypt(media_key: &[u8], id: &str, iv: &[u8; 12], plain: &[u8]) -> Option<Node> {
    let mut key = [0; 32];
    hkdf_sha256_into(media_key, None, PURPOSE, &mut key).ok()?;
    let mut text = Vec::new();
    aes_256_gcm_encrypt(&key, iv, id.as_bytes(), plain, &mut text).ok()?;
    let part = |name, bytes| NodeBuilder::new(name).bytes(bytes).build();
    let parts = [part("enc_p", text), part("enc_iv", iv.to_vec())];
    Some(NodeBuilder::new("encrypt").children(parts).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_is_served_under_its_next_name_alone() {
        let mut dropped = Dropped::default();
        assert_eq!(dropped.token("abc"), Some("abc"));
        for next in ["abc.1", "abc.2"] {
            dropped.drop("abc", false);
            assert_eq!(dropped.token("abc"), None);
            assert_eq!(dropped.name("abc"), next);
            assert_eq!(dropped.token(next), Some("abc"));
        }
        assert_eq!(dropped.token("abc.1"), None);
    }
}
