//! Linking by a code: the device makes the code, the person types it into the phone.
//!
//! Both sides wrap an ephemeral key with the code; a wrong code gives keys that do not match, which shows when the
//! phone opens the device's bundle.

use tokio::sync::oneshot;
use wacore::crypto::hkdf_sha256_into;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{KeyPair, PublicKey};

use super::{LinkFailure, LinkOutcome, Linking, passkey};
use crate::jids::Pn;
use crate::keys::{key_pair, public_bytes};
use crate::stanza::{self, Refusal, attr, child, child_bytes, iq_error, iq_result};
use crate::world::World;
use crate::world::live::{ConnId, Stage};

/// How long a code may be typed in.
const CODE_MS: u64 = 180_000;

/// A device that waits for its code to be typed in.
#[derive(Debug)]
pub(super) struct CodeLink {
    pn: Pn,
    reference: Vec<u8>,
    wrapped: Vec<u8>,
    asked_ms: u64,
    typed: Option<Typed>,
}

/// The person has typed a code.
struct Typed {
    phone_ephemeral: KeyPair,
    device_ephemeral: [u8; 32],
    outcome: oneshot::Sender<LinkOutcome>,
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed")
    }
}

/// What the phone needs in order to answer with the code; computed outside the world's lock, since it is slow.
pub(super) struct Asked {
    pub(super) conn: ConnId,
    pub(super) wrapped: Vec<u8>,
}

/// The device that asked last for a code on this phone.
pub(super) fn asked(world: &World, pn: Pn) -> Option<Asked> {
    let waiting = world.live.conns.iter().filter_map(|(conn, open)| {
        let Stage::Pairing(socket) = &open.stage else {
            return None;
        };
        let code = socket.code.as_ref()?;
        let fresh = world.now_ms <= code.asked_ms + CODE_MS;
        (code.pn == pn && fresh && code.typed.is_none()).then_some((code, *conn))
    });
    let (code, conn) = waiting.max_by_key(|(code, conn)| (code.asked_ms, *conn))?;
    Some(Asked {
        conn,
        wrapped: code.wrapped.clone(),
    })
}

/// The phone's half: tells the device that the code was typed.
pub(super) fn typed(
    world: &mut World,
    asked: &Asked,
    keys: (KeyPair, [u8; 32], [u8; 80]),
    outcome: oneshot::Sender<LinkOutcome>,
) -> Option<()> {
    let (phone_ephemeral, device_ephemeral, wrapped) = keys;
    let code = world.live.pairing(asked.conn)?.code.as_ref()?;
    let (pn, reference) = (code.pn, code.reference.clone());
    let account = world.accounts.get(&pn)?;
    let identity = public_bytes(&key_pair(&account.phone.identity).ok()?);
    let hello = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "primary_hello")
        .children([
            bytes_node("link_code_pairing_wrapped_primary_ephemeral_pub", &wrapped),
            bytes_node("primary_identity_pub", &identity),
            bytes_node("link_code_pairing_ref", &reference),
        ])
        .build();
    let notification = NodeBuilder::new("notification")
        .attr("from", SERVER_JID)
        .attr("type", "link_code_companion_reg")
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children([hello])
        .build();
    world.live.pairing(asked.conn)?.code.as_mut()?.typed = Some(Typed {
        phone_ephemeral,
        device_ephemeral,
        outcome,
    });
    world.send(asked.conn, &notification);
    Some(())
}

fn bytes_node(tag: &'static str, bytes: &[u8]) -> Node {
    NodeBuilder::new(tag).bytes(bytes).build()
}

/// `link_code_companion_reg`: the device asks for a code, or has been told that it was typed.
pub(super) fn stage(world: &mut World, conn: ConnId, node: &Node) {
    let Some(reg) = child(node, "link_code_companion_reg") else {
        return;
    };
    let result = match attr(reg, "stage").as_deref() {
        Some("companion_hello") => companion_hello(world, conn, reg),
        Some("companion_finish") => companion_finish(world, conn, reg),
        _ => Err(Refusal::BAD_REQUEST),
    };
    match result {
        Ok(answer) => {
            world.send(conn, &iq_result(node, answer.nodes));
            if let Some(linking) = answer.linking
                && passkey::link_or_ask(world, linking).is_none()
            {
                tracing::warn!("a link by code could not be started");
            }
        }
        Err(refusal) => world.send(conn, &iq_error(node, refusal)),
    }
}

#[derive(Default)]
struct StageAnswer {
    nodes: Vec<Node>,
    linking: Option<Linking>,
}

fn companion_hello(world: &mut World, conn: ConnId, reg: &Node) -> Result<StageAnswer, Refusal> {
    let pn = stanza::jid(reg, "jid").and_then(|jid| Pn::parse(&jid.user));
    let pn = pn.ok_or(Refusal::BAD_REQUEST)?;
    let wrapped = child_bytes(reg, "link_code_pairing_wrapped_companion_ephemeral_pub")
        .filter(|w| w.len() == 80)
        .ok_or(Refusal::BAD_REQUEST)?
        .into_owned();
    world.person(pn).ok_or(Refusal::NOT_FOUND)?;
    let reference = world.random::<32>().to_vec();
    let asked_ms = world.now_ms;
    let socket = world.live.pairing(conn).ok_or(Refusal::BAD_REQUEST)?;
    socket.code = Some(CodeLink {
        pn,
        reference: reference.clone(),
        wrapped,
        asked_ms,
        typed: None,
    });
    let nodes = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .children([bytes_node("link_code_pairing_ref", &reference)])
        .build();
    Ok(StageAnswer {
        nodes: vec![nodes],
        linking: None,
    })
}

fn companion_finish(world: &mut World, conn: ConnId, reg: &Node) -> Result<StageAnswer, Refusal> {
    let bundle = child_bytes(reg, "link_code_pairing_wrapped_key_bundle");
    let bundle = bundle.ok_or(Refusal::BAD_REQUEST)?;
    let reference = child_bytes(reg, "link_code_pairing_ref").ok_or(Refusal::BAD_REQUEST)?;
    let socket = world.live.pairing(conn).ok_or(Refusal::BAD_REQUEST)?;
    let code = socket
        .code
        .as_mut()
        .filter(|code| code.reference == *reference);
    let code = code.ok_or(Refusal::BAD_REQUEST)?;
    let pn = code.pn;
    let typed = code.typed.take().ok_or(Refusal::BAD_REQUEST)?;
    let account = world.accounts.get(&pn).ok_or(Refusal::NOT_FOUND)?;
    let phone = key_pair(&account.phone.identity).map_err(|_| Refusal::INTERNAL)?;
    let Some(adv_secret) = open_bundle(&phone, &typed, &bundle) else {
        if typed.outcome.send(Err(LinkFailure::WrongCode)).is_err() {
            tracing::debug!("nobody waits for the outcome of this link");
        }
        // The device is not told: on a real phone it stays as it is until the right code is typed.
        return Ok(StageAnswer::default());
    };
    let linking = Linking {
        conn,
        pn,
        adv_secret,
        outcome: typed.outcome,
    };
    Ok(StageAnswer {
        nodes: Vec::new(),
        linking: Some(linking),
    })
}

/// `salt 32 | iv 12 | sealed(device identity 32 | phone identity 32 | random 32)` → the shared ADV secret.
fn open_bundle(phone: &KeyPair, typed: &Typed, bundle: &[u8]) -> Option<[u8; 32]> {
    let (salt, rest) = bundle.split_first_chunk::<32>()?;
    let (iv, sealed) = rest.split_first_chunk::<12>()?;
    let device_ephemeral = PublicKey::from_djb_public_key_bytes(&typed.device_ephemeral).ok()?;
    let shared = typed
        .phone_ephemeral
        .calculate_agreement(&device_ephemeral)
        .ok()?;
    let mut key = [0; 32];
    let info = b"link_code_pairing_key_bundle_encryption_key";
    hkdf_sha256_into(&shared, Some(salt), info, &mut key).ok()?;
    let mut plain = Vec::new();
    aes_256_gcm_decrypt(&key, iv, b"", sealed, &mut plain).ok()?;
    let (device_identity, rest) = plain.split_first_chunk::<32>()?;
    let (phone_identity, random) = rest.split_first_chunk::<32>()?;
    if *phone_identity != public_bytes(phone) {
        return None;
    }
    let device_identity = PublicKey::from_djb_public_key_bytes(device_identity).ok()?;
    let identities = phone.calculate_agreement(&device_identity).ok()?;
    let mut secret = [0; 32];
    let material = [&shared[..], &identities, random].concat();
    hkdf_sha256_into(&material, None, b"adv_secret", &mut secret).ok()?;
    Some(secret)
}
