//! The common end of both ways: `pair-success`, the device's signature, 515.

use std::time::Duration;

use buffa::Message as _;
use tokio::sync::oneshot;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::crypto::hmac_sha256;
use waproto::whatsapp as wa;

use super::{LinkFailure, LinkOutcome, Linking, Registration, server_iq};
use crate::areas::devices;
use crate::areas::login::stream_error;
use crate::jids::DeviceKey;
use crate::keys::{key_pair, public_bytes};
use crate::stanza::{self, attr, child};
use crate::store::Blob;
use crate::world::World;
use crate::world::live::ConnId;
use crate::world::people::Device;

/// What the account signs with: prefix of an account signature in ADV.
const ACCOUNT_SIGNATURE_PREFIX: [u8; 2] = [6, 0];

/// `pair-success` is out; the device's signature is awaited.
#[derive(Debug)]
pub(super) struct PendingLink {
    iq: String,
    key: DeviceKey,
    key_index: u32,
    registration: Registration,
    outcome: oneshot::Sender<LinkOutcome>,
}

/// The phone agrees: sign the device's identity and tell the device who it is.
pub(super) fn start(world: &mut World, linking: Linking) -> Option<()> {
    let conn = linking.conn;
    let success = sign(world, linking)?;
    world.send(conn, &success);
    Some(())
}

/// The same; the phone takes this long for it.
pub(super) fn start_late(world: &mut World, linking: Linking, by: Duration) -> Option<()> {
    let conn = linking.conn;
    let success = sign(world, linking)?;
    let Blob(frame) = World::encode(&success)?;
    world.live.push_late(conn, frame, by);
    Some(())
}

fn sign(world: &mut World, linking: Linking) -> Option<Node> {
    let Linking {
        conn,
        pn,
        adv_secret,
        outcome,
    } = linking;
    let registration = world.live.pairing(conn)?.registration.clone()?;
    world.person(pn)?;
    let account = world.accounts.get_mut(&pn)?;
    account.last_device += 1;
    let key = pn.device(account.last_device);
    let key_index = u32::from(account.last_device);
    let raw_id = account.adv_raw_id;
    let phone = key_pair(&account.phone.identity).ok()?;

    let details = wa::ADVDeviceIdentity {
        raw_id: Some(raw_id),
        timestamp: Some(world.now_s()),
        key_index: Some(key_index),
        ..Default::default()
    }
    .encode_to_vec();
    let signed = [
        &ACCOUNT_SIGNATURE_PREFIX[..],
        &details,
        &registration.identity.0,
    ]
    .concat();
    let signature = phone.calculate_signature(&signed, &mut world.rng).ok()?;
    let identity = wa::ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(public_bytes(&phone).to_vec()),
        account_signature: Some(signature.to_vec()),
        device_signature: None,
    }
    .encode_to_vec();
    let sealed = wa::ADVSignedDeviceIdentityHMAC {
        hmac: Some(hmac_sha256(&adv_secret, &identity).to_vec()),
        details: Some(identity),
        ..Default::default()
    }
    .encode_to_vec();

    let success = pair_success(world, key, sealed);
    let iq = attr(&success, "id").unwrap_or_default().into_owned();
    let pending = PendingLink {
        iq,
        key,
        key_index,
        registration,
        outcome,
    };
    world.live.pairing(conn)?.pending = Some(pending);
    Some(success)
}

fn pair_success(world: &mut World, key: DeviceKey, sealed: Vec<u8>) -> Node {
    let props = wa::ClientPairingProps {
        is_chat_db_lid_migrated: Some(true),
        ..Default::default()
    };
    let device = NodeBuilder::new("device")
        .attr("jid", key.pn_jid())
        .attr("lid", world.lid_jid(key))
        .build();
    let child = NodeBuilder::new("pair-success")
        .children([
            NodeBuilder::new("device-identity").bytes(sealed).build(),
            device,
            NodeBuilder::new("platform").attr("name", "android").build(),
            NodeBuilder::new("client-props")
                .bytes(props.encode_to_vec())
                .build(),
        ])
        .build();
    server_iq(world, child)
}

/// A result from an unlinked device: the one of `pair-success` brings its signature.
pub(super) fn device_answered(world: &mut World, conn: ConnId, node: &Node) {
    let id = attr(node, "id").unwrap_or_default();
    let Some(socket) = world.live.pairing(conn) else {
        return;
    };
    if socket.pending.as_ref().is_none_or(|p| p.iq != id) {
        return;
    }
    let Some(pending) = socket.pending.take() else {
        return;
    };
    let identity = child(node, "pair-device-sign")
        .and_then(|sign| stanza::child_bytes(sign, "device-identity"))
        .map(std::borrow::Cow::into_owned);
    let Some(identity) = identity else {
        tell(pending.outcome, Err(LinkFailure::DeviceRefused));
        return;
    };
    let Registration {
        noise,
        identity: identity_key,
        signal_id,
        signed_prekey,
    } = pending.registration;
    let device = Device {
        noise,
        identity: identity_key,
        registration_id: signal_id,
        signed_prekey,
        adv_identity: Blob(identity),
        key_index: pending.key_index,
        linked_ms: world.now_ms,
        last_login_ms: None,
        has_app_state_key: false,
    };
    world.devices.insert(pending.key, device);
    devices::announce_linked(world, pending.key);
    world.send(conn, &stream_error(515));
    world.live.close(conn);
    tell(pending.outcome, Ok(pending.key));
}

/// An error from an unlinked device: it did not accept what the phone signed.
pub(super) fn device_refused(world: &mut World, conn: ConnId) {
    if let Some(pending) = world.live.pairing(conn).and_then(|s| s.pending.take()) {
        tell(pending.outcome, Err(LinkFailure::DeviceRefused));
    }
}

/// Whoever scanned may have stopped waiting; the link stands all the same.
fn tell(outcome: oneshot::Sender<LinkOutcome>, result: LinkOutcome) {
    if outcome.send(result).is_err() {
        tracing::debug!("nobody waits for the outcome of this link");
    }
}
