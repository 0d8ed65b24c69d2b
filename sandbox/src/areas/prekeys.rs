//! Pre-keys: linked devices upload theirs, everybody fetches bundles. A phone makes its one-time keys on demand.

use rand::RngExt as _;
use wacore::prekeys::compute_key_bundle_digest;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::protocol::KeyPair;

use super::{history, phone};
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::jids::DeviceKey;
use crate::keys::{key_pair, public_bytes};
use crate::stanza::{Refusal, child, child_bytes, child_number, children, error_node, jid};
use crate::store::{Blob, Secret};
use crate::world::World;
use crate::world::people::{PHONE_SIGNED_PREKEY_ID, SignedPreKey};

/// Curve25519, as the protocol writes it.
const KEY_TYPE: u8 = 5;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("encrypt", "registration", upload);
    table.iq("encrypt", "digest", digest);
    table.iq("encrypt", "count", count);
    table.iq("encrypt", "rotate", rotate);
    table.iq("encrypt", "key", fetch);
}

/// What is needed to start a session with a device.
#[derive(Debug, Clone)]
pub(super) struct Bundle {
    pub(super) registration_id: u32,
    pub(super) identity: [u8; 32],
    pub(super) signed: SignedPreKey,
    pub(super) one_time: Option<(u32, [u8; 32])>,
    pub(super) device_identity: Option<Blob>,
}

/// Hands out a device's bundle; its one-time key is gone afterwards.
pub(super) fn take_bundle(world: &mut World, key: DeviceKey) -> Option<Bundle> {
    if key.is_phone() {
        return phone_bundle(world, key);
    }
    let device = world.devices.get(&key)?;
    let mut bundle = Bundle {
        registration_id: device.registration_id,
        identity: device.identity.0,
        signed: device.signed_prekey.clone(),
        one_time: None,
        device_identity: Some(device.adv_identity.clone()),
    };
    let first = world.prekeys.range((key, 0)..=(key, u32::MAX)).next();
    if let Some((row, public)) = first.map(|(row, public)| (*row, public.0)) {
        world.prekeys.remove(&row);
        bundle.one_time = Some((row.1, public));
    }
    Some(bundle)
}

fn phone_bundle(world: &mut World, key: DeviceKey) -> Option<Bundle> {
    world.person(key.pn)?;
    let one_time = KeyPair::generate(&mut world.rng);
    let id = loop {
        let id = world.rng.random_range(1..0x00FF_FFFF);
        if !world.areas.phone.prekeys.contains(&(key.pn, id)) {
            break id;
        }
    };
    let private = Secret(*one_time.private_key.serialize());
    world.areas.phone.prekeys.insert((key.pn, id), private);
    let account = world.accounts.get(&key.pn)?;
    let signed = key_pair(&account.phone.signed_prekey).ok()?;
    Some(Bundle {
        registration_id: account.phone.registration_id,
        identity: world.identity_of(key)?,
        signed: SignedPreKey {
            id: PHONE_SIGNED_PREKEY_ID,
            public: Secret(public_bytes(&signed)),
            signature: account.phone.signed_prekey_signature.clone(),
        },
        one_time: Some((id, public_bytes(&one_time))),
        device_identity: None,
    })
}

impl Bundle {
    /// The children of a `<user>` in a fetch, or of `<keys>` in a retry receipt.
    pub(super) fn nodes(&self) -> Vec<Node> {
        let mut nodes = vec![
            NodeBuilder::new("registration")
                .bytes(self.registration_id.to_be_bytes())
                .build(),
            NodeBuilder::new("type").bytes([KEY_TYPE]).build(),
            NodeBuilder::new("identity").bytes(self.identity).build(),
            signed_node(&self.signed),
        ];
        if let Some((id, public)) = &self.one_time {
            let key = [
                id_node(*id),
                NodeBuilder::new("value").bytes(*public).build(),
            ];
            nodes.push(NodeBuilder::new("key").children(key).build());
        }
        if let Some(identity) = &self.device_identity {
            nodes.push(
                NodeBuilder::new("device-identity")
                    .bytes(identity.0.clone())
                    .build(),
            );
        }
        nodes
    }
}

fn id_node(id: u32) -> Node {
    NodeBuilder::new("id")
        .bytes(id.to_be_bytes()[1..].to_vec())
        .build()
}

fn signed_node(signed: &SignedPreKey) -> Node {
    NodeBuilder::new("skey")
        .children([
            id_node(signed.id),
            NodeBuilder::new("value").bytes(signed.public.0).build(),
            NodeBuilder::new("signature")
                .bytes(signed.signature.0.clone())
                .build(),
        ])
        .build()
}

pub(super) fn read_signed(node: &Node) -> Option<SignedPreKey> {
    let skey = child(node, "skey")?;
    Some(SignedPreKey {
        id: child_number(skey, "id")?,
        public: Secret::from_slice(&child_bytes(skey, "value")?)?,
        signature: Blob(child_bytes(skey, "signature")?.into_owned()),
    })
}

/// A one-time key: `<key><id/><value/></key>`.
pub(super) fn read_one_time(key: &Node) -> Option<(u32, Secret)> {
    Some((
        child_number(key, "id")?,
        Secret::from_slice(&child_bytes(key, "value")?)?,
    ))
}

fn upload(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let identity = child_bytes(node, "identity").and_then(|b| Secret::from_slice(&b));
    let identity = identity.ok_or(Refusal::BAD_REQUEST)?;
    let registration_id = child_number(node, "registration").ok_or(Refusal::BAD_REQUEST)?;
    let signed = read_signed(node).ok_or(Refusal::BAD_REQUEST)?;
    let list = child(node, "list").ok_or(Refusal::BAD_REQUEST)?;
    let keys: Option<Vec<_>> = children(list).iter().map(read_one_time).collect();
    let keys = keys.ok_or(Refusal::BAD_REQUEST)?;
    let device = world
        .devices
        .get_mut(&client.device)
        .ok_or(Refusal::NOT_FOUND)?;
    device.identity = identity;
    device.registration_id = registration_id;
    device.signed_prekey = signed;
    let wants_state_key = !std::mem::replace(&mut device.has_app_state_key, true);
    for (id, public) in keys {
        world.prekeys.insert((client.device, id), public);
    }
    world.send(client.conn, &crate::stanza::iq_result(node, Vec::new()));
    if wants_state_key {
        phone::share_app_state_key(world, client.device);
        history::linked(world, client.device);
    }
    Ok(Answer::Sent)
}

fn digest(world: &mut World, client: Client, _: &Node) -> Result<Answer, Refusal> {
    let device = world
        .devices
        .get(&client.device)
        .ok_or(Refusal::NOT_FOUND)?;
    let keys = world
        .prekeys
        .range((client.device, 0)..=(client.device, u32::MAX));
    let (ids, publics): (Vec<Node>, Vec<&[u8]>) = keys
        .map(|((_, id), public)| (id_node(*id), public.0.as_slice()))
        .unzip();
    if ids.is_empty() {
        return Err(Refusal::NOT_FOUND);
    }
    let signed = &device.signed_prekey;
    let hash = compute_key_bundle_digest(
        &device.identity.0,
        &signed.public.0,
        &signed.signature.0,
        &publics,
    );
    let digest = NodeBuilder::new("digest")
        .children([
            NodeBuilder::new("registration")
                .bytes(device.registration_id.to_be_bytes())
                .build(),
            NodeBuilder::new("type").bytes([KEY_TYPE]).build(),
            NodeBuilder::new("identity")
                .bytes(device.identity.0)
                .build(),
            signed_node(signed),
            NodeBuilder::new("list").children(ids).build(),
            NodeBuilder::new("hash").bytes(hash).build(),
        ])
        .build();
    Answer::node(digest)
}

fn count(world: &mut World, client: Client, _: &Node) -> Result<Answer, Refusal> {
    let count = world
        .prekeys
        .range((client.device, 0)..=(client.device, u32::MAX))
        .count();
    Answer::node(
        NodeBuilder::new("count")
            .attr("value", count.to_string())
            .build(),
    )
}

fn rotate(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let signed = child(node, "rotate")
        .and_then(read_signed)
        .ok_or(Refusal::BAD_REQUEST)?;
    let device = world
        .devices
        .get_mut(&client.device)
        .ok_or(Refusal::NOT_FOUND)?;
    device.signed_prekey = signed;
    Answer::empty()
}

fn fetch(world: &mut World, _: Client, node: &Node) -> Result<Answer, Refusal> {
    let wanted = child(node, "key").ok_or(Refusal::BAD_REQUEST)?;
    let mut users = Vec::new();
    for user in children(wanted) {
        let Some(address) = jid(user, "jid") else {
            continue;
        };
        let found = world
            .resolve(&address)
            .and_then(|key| take_bundle(world, key));
        let content = match found {
            Some(bundle) => bundle.nodes(),
            None => vec![error_node(Refusal::NOT_ACCEPTABLE)],
        };
        users.push(
            NodeBuilder::new("user")
                .attr("jid", address)
                .children(content)
                .build(),
        );
    }
    Answer::node(NodeBuilder::new("list").children(users).build())
}
