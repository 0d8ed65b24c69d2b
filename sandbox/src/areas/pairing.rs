//! Linking a device: by QR code (the phone scans) or by a code typed into the phone.
//!
//! A socket that is not linked shows six refs, each good for its turn. Either way passes [`passkey`] and ends in
//! [`link`]: the phone signs the device's identity, the device signs back, the socket is told to come again (515).

mod by_code;
mod by_qr;
mod link;
mod passkey;
mod routes;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};

use crate::jids::Pn;
use crate::noise::Established;
use crate::stanza::{self, attr};
use crate::store::{Blob, Persist, Secret, Table};
use crate::world::World;
use crate::world::live::{ConnId, Out, Stage};
use crate::world::people::SignedPreKey;

pub(crate) use routes::routes;

/// A socket that waits to be linked.
#[derive(Debug, Default)]
pub(crate) struct PairingSocket {
    /// What the device registered with. `None`: the payload was unusable.
    pub(crate) registration: Option<Registration>,
    pub(crate) push_name: String,
    pub(crate) since_ms: u64,
    pub(crate) refs: Vec<QrRef>,
    /// The device asked for a code to be typed in on this person's phone.
    code: Option<by_code::CodeLink>,
    /// The phone asks for a passkey first.
    gate: Option<passkey::Gate>,
    /// The phone has agreed, the device has not signed yet.
    pending: Option<link::PendingLink>,
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Of those who link no device without it.
    passkeys: Table<Pn, passkey::Passkey>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            passkeys: Table::new("passkeys"),
        }
    }

    pub(crate) fn tables(&mut self) -> [&mut dyn Persist; 1] {
        [&mut self.passkeys]
    }
}

/// A device's keys as it registers them.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    noise: Secret,
    identity: Secret,
    signal_id: u32,
    signed_prekey: SignedPreKey,
}

/// One reference of a QR code.
#[derive(Debug, Clone)]
pub(crate) struct QrRef {
    pub(crate) value: String,
    pub(crate) expires_ms: u64,
}

/// What the person at the phone sees in the end.
pub(crate) type LinkOutcome = Result<crate::jids::DeviceKey, LinkFailure>;

/// Why linking ended without a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkFailure {
    #[error("the code is wrong")]
    WrongCode,
    #[error("the device refused the link")]
    DeviceRefused,
    /// Not the end: the device may answer.
    #[error("a passkey is asked for first")]
    PasskeyAsked,
}

const REFS: u64 = 6;
/// A client shows the first ref for a minute and each other for twenty seconds.
const FIRST_REF_MS: u64 = 60_000;
const NEXT_REF_MS: u64 = 20_000;
/// What a phone that scans at the last moment is given.
const REF_GRACE_MS: u64 = 5_000;

/// A socket that asks to be linked: give it refs.
pub(super) fn open(
    world: &mut World,
    tx: mpsc::Sender<Out>,
    more: Arc<Notify>,
    established: &Established,
) -> ConnId {
    let refs = new_refs(world);
    let socket = PairingSocket {
        registration: registration(established),
        push_name: established.payload.push_name.clone().unwrap_or_default(),
        since_ms: world.now_ms,
        refs,
        code: None,
        gate: None,
        pending: None,
    };
    let offer = pair_device(world, &socket.refs);
    let conn = world.live.open(tx, more, Stage::Pairing(Box::new(socket)));
    world.send(conn, &offer);
    conn
}

fn new_refs(world: &mut World) -> Vec<QrRef> {
    let mut expires_ms = world.now_ms + FIRST_REF_MS + REF_GRACE_MS;
    let mut refs = Vec::new();
    for _ in 0..REFS {
        let value = format!("2@{}", base64_of(&world.random::<48>()));
        refs.push(QrRef { value, expires_ms });
        expires_ms += NEXT_REF_MS;
    }
    refs
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn registration(established: &Established) -> Option<Registration> {
    let data = established.payload.device_pairing_data.as_option()?;
    let number = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.as_deref()?;
        (bytes.len() <= 4).then(|| bytes.iter().fold(0, |n, b| (n << 8) | u32::from(*b)))
    };
    Some(Registration {
        noise: Secret(established.client_static),
        identity: Secret::from_slice(data.e_ident.as_deref()?)?,
        signal_id: number(&data.e_regid)?,
        signed_prekey: SignedPreKey {
            id: number(&data.e_skey_id)?,
            public: Secret::from_slice(data.e_skey_val.as_deref()?)?,
            signature: Blob(data.e_skey_sig.clone()?),
        },
    })
}

fn pair_device(world: &mut World, refs: &[QrRef]) -> Node {
    let refs = refs
        .iter()
        .map(|r| NodeBuilder::new("ref").bytes(r.value.as_bytes()).build());
    let offer = NodeBuilder::new("pair-device").children(refs).build();
    server_iq(world, offer)
}

/// Takes every code of an unlinked socket away, as if their time were over; false if it shows none.
pub(crate) fn run_out_of_codes(world: &mut World, conn: ConnId) -> bool {
    let Some(socket) = world.live.pairing(conn) else {
        return false;
    };
    socket.refs.clear();
    let offer = pair_device(world, &[]);
    world.send(conn, &offer);
    true
}

/// An IQ from the server to a socket that is not linked.
fn server_iq(world: &mut World, child: Node) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER_JID)
        .attr("type", "set")
        .attr("id", world.new_id())
        .attr("xmlns", "md")
        .attr("t", world.now_s().to_string())
        .children([child])
        .build()
}

/// A stanza from a socket that is not linked.
pub(crate) fn stanza(world: &mut World, conn: ConnId, node: &Node) {
    let kind = attr(node, "type").unwrap_or_default();
    match (node.tag.as_ref(), kind.as_ref()) {
        ("iq", "result") => link::device_answered(world, conn, node),
        ("iq", "error") => link::device_refused(world, conn),
        ("iq", _) if stanza::child(node, "link_code_companion_reg").is_some() => {
            by_code::stage(world, conn, node);
        }
        ("iq", _) if passkey::stanza(world, conn, node) => {}
        ("iq", _) => world.send(conn, &stanza::iq_result(node, Vec::new())),
        _ => {}
    }
}

/// The socket that shows this ref, and whether the ref is still good.
fn socket_of_ref(world: &World, value: &str) -> Option<(ConnId, bool)> {
    world.live.conns.iter().find_map(|(conn, open)| {
        let Stage::Pairing(socket) = &open.stage else {
            return None;
        };
        let found = socket.refs.iter().find(|r| r.value == value)?;
        Some((*conn, world.now_ms <= found.expires_ms))
    })
}

/// What a phone does when its person links a device.
pub(crate) struct Linking {
    pub(crate) conn: ConnId,
    pub(crate) pn: Pn,
    pub(crate) adv_secret: [u8; 32],
    pub(crate) outcome: oneshot::Sender<LinkOutcome>,
}
