//! The passkey gate: an account that asks for it links a device only after its passkey has signed a challenge.
//!
//! Stands between the phone's consent (a scan, a typed code) and [`link`]. The device answers the challenge with a
//! WebAuthn assertion and commits to a key of its own; the phone answers with one; both sides show a code; the device
//! confirms and sends, sealed for the phone, the secret that its link is signed with. One challenge takes one answer.

mod routes;
mod webauthn;

use std::time::Duration;

use buffa::Message as _;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use wacore::shortcake::ShortcakeUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::KeyPair;
use waproto::whatsapp as wa;

use super::{LinkFailure, Linking, base64_of, link};
use crate::jids::Pn;
use crate::keys::public_bytes;
use crate::stanza::{Refusal, child_bytes, children, iq_error, iq_result};
use crate::store::Blob;
use crate::world::World;
use crate::world::live::{ConnId, Stage as Socket};

pub(super) use routes::routes;
pub(super) use webauthn::UserVerification;

/// How long a phone takes. Never nothing: what a phone says must not overtake what the device still notes down of the
/// answer before it, and no phone is that fast.
const PHONE_TAKES: Duration = Duration::from_secs(1);

/// A person's passkey. Whoever has one here cannot link a device without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Passkey {
    credential_id: Blob,
    /// A point on P-256, uncompressed.
    public_key: Blob,
    user_verification: UserVerification,
    timeout_ms: u64,
    /// The phone goes on only when the control says so.
    by_hand: bool,
}

/// The gate in front of one socket.
pub(super) struct Gate {
    pn: Pn,
    challenge: [u8; 32],
    expires_ms: u64,
    reference: String,
    step: Step,
}

/// How far the device has come.
enum Step {
    /// The challenge is out.
    Asked,
    /// The assertion was good; the phone has not answered yet.
    Signed(Committed),
    /// The phone's key is out.
    Offered(Committed, KeyPair, [u8; 32]),
    /// The device has shown what it had committed to: both sides have the code.
    Shown { key: [u8; 32], code: String },
}

/// What the device committed to.
#[derive(Clone)]
struct Committed {
    identity: Vec<u8>,
    hash: [u8; 32],
    public_key: [u8; 32],
    device_type: wa::device_props::PlatformType,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("stage", &self.step.word())
            .finish_non_exhaustive()
    }
}

impl Step {
    const fn word(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Signed(_) => "signed",
            Self::Offered(..) => "offered",
            Self::Shown { .. } => "confirming",
        }
    }
}

const NOT_AUTHORIZED: Refusal = Refusal {
    code: 401,
    text: "not-authorized",
};
const GONE: Refusal = Refusal {
    code: 410,
    text: "gone",
};

/// The phone agrees: link the device, or ask for the person's passkey first.
pub(super) fn link_or_ask(world: &mut World, linking: Linking) -> Option<()> {
    let Some(passkey) = world.areas.pairing.passkeys.get(&linking.pn).cloned() else {
        return link::start(world, linking);
    };
    let Linking {
        conn, pn, outcome, ..
    } = linking;
    let challenge = world.random::<32>();
    let reference = format!("2@{}", base64_of(&world.random::<48>()));
    let gate = Gate {
        pn,
        challenge,
        expires_ms: world.now_ms + passkey.timeout_ms,
        reference,
        step: Step::Asked,
    };
    world.live.pairing(conn)?.gate = Some(gate);
    let options = webauthn::options(&passkey, &challenge);
    let child = NodeBuilder::new("passkey_request_options")
        .bytes(options.into_bytes())
        .build();
    let asked = notification(world, "passkey_prologue_request", Some(child));
    world.send(conn, &asked);
    if outcome.send(Err(LinkFailure::PasskeyAsked)).is_err() {
        tracing::debug!("nobody waits for the outcome of this link");
    }
    Some(())
}

fn notification(world: &mut World, kind: &'static str, child: Option<Node>) -> Node {
    NodeBuilder::new("notification")
        .attr("from", SERVER_JID)
        .attr("type", kind)
        .attr("id", world.new_id())
        .attr("t", world.now_s().to_string())
        .children(child)
        .build()
}

/// A stanza about the gate from a socket that is not linked; false if it is about something else.
pub(super) fn stanza(world: &mut World, conn: ConnId, node: &Node) -> bool {
    let Some(child) = children(node).first() else {
        return false;
    };
    let answer = match child.tag.as_ref() {
        "ref" => reference(world, conn).map(Some),
        "passkey_request_options" => options(world, conn).map(Some),
        "passkey_prologue" => prologue(world, conn, child).map(|()| None),
        "companion_nonce" => nonce(world, conn, node).map(|()| None),
        "encrypted_pairing_request" => {
            pairing_request(world, conn, node);
            return true;
        }
        _ => return false,
    };
    match answer {
        Ok(child) => {
            world.send(conn, &iq_result(node, child.into_iter().collect()));
            answered_by_phone(world, conn);
        }
        Err(refusal) => refuse(world, conn, node, refusal),
    }
    true
}

/// A refusal ends the gate: the device has to be linked anew.
fn refuse(world: &mut World, conn: ConnId, node: &Node, refusal: Refusal) {
    if let Some(socket) = world.live.pairing(conn) {
        socket.gate = None;
    }
    world.send(conn, &iq_error(node, refusal));
}

fn gate(world: &mut World, conn: ConnId) -> Result<&mut Gate, Refusal> {
    let now_ms = world.now_ms;
    let socket = world.live.pairing(conn).ok_or(Refusal::NOT_FOUND)?;
    let gate = socket.gate.as_mut().ok_or(Refusal::NOT_FOUND)?;
    if matches!(gate.step, Step::Asked) && gate.expires_ms < now_ms {
        return Err(GONE);
    }
    Ok(gate)
}

fn passkey_of(world: &World, pn: Pn) -> Result<Passkey, Refusal> {
    let known = world.areas.pairing.passkeys.get(&pn).cloned();
    known.ok_or(Refusal::NOT_FOUND)
}

fn reference(world: &mut World, conn: ConnId) -> Result<Node, Refusal> {
    let reference = gate(world, conn)?.reference.clone();
    Ok(NodeBuilder::new("ref")
        .bytes(reference.into_bytes())
        .build())
}

fn options(world: &mut World, conn: ConnId) -> Result<Node, Refusal> {
    let gate = gate(world, conn)?;
    let (pn, challenge) = (gate.pn, gate.challenge);
    let options = webauthn::options(&passkey_of(world, pn)?, &challenge);
    Ok(NodeBuilder::new("passkey_request_options")
        .bytes(options.into_bytes())
        .build())
}

/// The assertion, and what the device commits to.
fn prologue(world: &mut World, conn: ConnId, prologue: &Node) -> Result<(), Refusal> {
    let gate = gate(world, conn)?;
    if !matches!(gate.step, Step::Asked) {
        return Err(Refusal::BAD_REQUEST);
    }
    let (pn, challenge, reference) = (gate.pn, gate.challenge, gate.reference.clone());
    let passkey = passkey_of(world, pn)?;
    let credential = child_bytes(prologue, "credential_id").ok_or(Refusal::BAD_REQUEST)?;
    let assertion = child_bytes(prologue, "webauthn_assertion").ok_or(Refusal::BAD_REQUEST)?;
    let payload = child_bytes(prologue, "prologue_payload").ok_or(Refusal::BAD_REQUEST)?;
    if let Err(fault) = webauthn::verify(&passkey, &challenge, &credential, &assertion) {
        tracing::info!(%fault, "a passkey's answer is refused");
        return Err(NOT_AUTHORIZED);
    }
    let committed = committed(&payload, &reference).ok_or(Refusal::BAD_REQUEST)?;
    self::gate(world, conn)?.step = Step::Signed(committed);
    Ok(())
}

fn committed(payload: &[u8], reference: &str) -> Option<Committed> {
    let payload = wa::ProloguePayload::decode_from_slice(payload).ok()?;
    let identity = payload.companion_ephemeral_identity?;
    let hash = payload.commitment.as_option()?.hash.clone()?;
    let told = wa::CompanionEphemeralIdentity::decode_from_slice(&identity).ok()?;
    if told.r#ref.as_deref() != Some(reference) {
        return None;
    }
    Some(Committed {
        hash: hash.try_into().ok()?,
        public_key: told.public_key?.try_into().ok()?,
        device_type: told.device_type?,
        identity,
    })
}

/// Lets the phone go on by itself, unless the control does it by hand.
fn answered_by_phone(world: &mut World, conn: ConnId) {
    let Ok(Gate {
        pn,
        step: Step::Signed(_),
        ..
    }) = gate(world, conn)
    else {
        return;
    };
    let pn = *pn;
    if passkey_of(world, pn).is_ok_and(|passkey| !passkey.by_hand)
        && let Some(offer) = offer(world, conn)
        && let Some(Blob(frame)) = World::encode(&offer)
    {
        world.live.push_late(conn, frame, PHONE_TAKES);
    }
}

/// The phone makes its key: what it tells the device.
fn offer(world: &mut World, conn: ConnId) -> Option<Node> {
    let keys = KeyPair::generate(&mut world.rng);
    let nonce = world.random::<32>();
    let gate = gate(world, conn).ok()?;
    let Step::Signed(committed) = &gate.step else {
        return None;
    };
    let identity = wa::PrimaryEphemeralIdentity {
        public_key: Some(public_bytes(&keys).to_vec()),
        nonce: Some(nonce.to_vec()),
    };
    gate.step = Step::Offered(committed.clone(), keys, nonce);
    let child = NodeBuilder::new("primary_ephemeral_identity")
        .bytes(identity.encode_to_vec())
        .build();
    Some(notification(world, "crsc_continuation", Some(child)))
}

/// The device opens what it had committed to.
fn nonce(world: &mut World, conn: ConnId, node: &Node) -> Result<(), Refusal> {
    let nonce = child_bytes(node, "companion_nonce").ok_or(Refusal::BAD_REQUEST)?;
    let nonce: [u8; 32] = nonce
        .as_ref()
        .try_into()
        .map_err(|_| Refusal::BAD_REQUEST)?;
    let gate = gate(world, conn)?;
    let Step::Offered(committed, keys, phone_nonce) = &gate.step else {
        return Err(Refusal::BAD_REQUEST);
    };
    if ShortcakeUtils::commitment_hash(&committed.identity, &nonce) != committed.hash {
        return Err(Refusal::BAD_REQUEST);
    }
    let (device_type, device) = (committed.device_type, &committed.public_key);
    let key = ShortcakeUtils::derive_encryption_key(keys, device, device_type, &gate.reference)
        .map_err(|_| Refusal::BAD_REQUEST)?;
    let code = ShortcakeUtils::derive_verification_code(&nonce, &public_bytes(keys), phone_nonce);
    gate.step = Step::Shown { key, code };
    Ok(())
}

/// The device confirms: its keys and the secret of its link, sealed for the phone.
fn pairing_request(world: &mut World, conn: ConnId, node: &Node) {
    let adv_secret = match opened(world, conn, node) {
        Ok(secret) => secret,
        Err(refusal) => return refuse(world, conn, node, refusal),
    };
    let Some(gate) = world.live.pairing(conn).and_then(|s| s.gate.take()) else {
        return;
    };
    world.send(conn, &iq_result(node, Vec::new()));
    // Whoever scanned was told of the passkey and has gone.
    let (outcome, _) = oneshot::channel();
    let linking = Linking {
        conn,
        pn: gate.pn,
        adv_secret,
        outcome,
    };
    if link::start_late(world, linking, PHONE_TAKES).is_none() {
        tracing::warn!("a link by passkey could not be started");
    }
}

fn opened(world: &mut World, conn: ConnId, node: &Node) -> Result<[u8; 32], Refusal> {
    let sealed = child_bytes(node, "encrypted_pairing_request").ok_or(Refusal::BAD_REQUEST)?;
    let Step::Shown { key, .. } = &gate(world, conn)?.step else {
        return Err(Refusal::BAD_REQUEST);
    };
    let request = open(key, &sealed).ok_or(Refusal::BAD_REQUEST)?;
    let socket = world.live.pairing(conn).ok_or(Refusal::NOT_FOUND)?;
    let registration = socket.registration.as_ref().ok_or(Refusal::BAD_REQUEST)?;
    let is_own = request.companion_public_key.as_deref() == Some(&registration.noise.0[..])
        && request.companion_identity_key.as_deref() == Some(&registration.identity.0[..]);
    let secret = request.adv_secret.filter(|_| is_own);
    let secret = secret.and_then(|secret| secret.try_into().ok());
    secret.ok_or(NOT_AUTHORIZED)
}

fn open(key: &[u8; 32], sealed: &[u8]) -> Option<wa::PairingRequest> {
    let sealed = wa::EncryptedPairingRequest::decode_from_slice(sealed).ok()?;
    let iv: [u8; 12] = sealed.iv?.try_into().ok()?;
    let mut plain = Vec::new();
    aes_256_gcm_decrypt(key, &iv, b"", &sealed.encrypted_payload?, &mut plain).ok()?;
    wa::PairingRequest::decode_from_slice(&plain).ok()
}

/// The socket in front of which this person's gate stands.
fn waiting(world: &World, pn: Pn) -> Option<(ConnId, &Gate)> {
    let mut waiting: Vec<(ConnId, &Gate)> = world
        .live
        .conns
        .iter()
        .filter_map(|(conn, open)| match &open.stage {
            Socket::Pairing(socket) => Some((*conn, socket.gate.as_ref()?)),
            Socket::Device { .. } => None,
        })
        .filter(|(_, gate)| gate.pn == pn)
        .collect();
    waiting.sort_by_key(|(conn, _)| *conn);
    waiting.pop()
}

/// The person refuses on the phone, at whichever step: the device gets a word without a key.
fn turn_away(world: &mut World, conn: ConnId) {
    if let Some(socket) = world.live.pairing(conn) {
        socket.gate = None;
    }
    let refused = notification(world, "crsc_continuation", None);
    world.send(conn, &refused);
}
