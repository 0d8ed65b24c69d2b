//! The phone's Signal sessions, as synchronous functions over the world's tables.
//!
//! libsignal's functions are async because stores may be. These stores are in memory, so a future is ready at its first
//! poll; one that is not is an error, never a wait. [`desk`] takes what one operation needs out of the tables and puts it
//! back; [`sender_keys`] does the same for groups.

use futures_util::FutureExt as _;
use wacore_libsignal::protocol::{
    CiphertextMessage, IdentityKey, PreKeyBundle, PreKeySignalMessage, ProtocolAddress, PublicKey,
    SignalMessage, SignalProtocolError, UsePQRatchet, message_decrypt, message_encrypt,
    process_prekey_bundle,
};

use crate::areas::prekeys::{self, Bundle};
use crate::jids::{DeviceKey, Pn};
use crate::world::World;

mod desk;
mod sender_keys;

use desk::Desk;
pub(crate) use sender_keys::{decrypt_group, encrypt_group, learn_sender_key, own_sender_key};

/// Why the phone could not encrypt or decrypt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignalFault {
    #[error(transparent)]
    Protocol(#[from] SignalProtocolError),
    #[error("the device has no keys on the server")]
    NoKeys,
    #[error("this phone does not exist")]
    NoPhone,
    #[error("an unknown kind of ciphertext")]
    UnknownKind,
    #[error("the plaintext is no message")]
    Malformed,
    #[error("a store did not answer at once")]
    NotReady,
}

type Result<T, E = SignalFault> = std::result::Result<T, E>;

/// A ciphertext and its kind on the wire.
pub(crate) struct Sealed {
    /// `pkmsg` or `msg`.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

fn address(key: DeviceKey) -> ProtocolAddress {
    ProtocolAddress::new(&format!("{}:{}", key.pn, key.device), 0.into())
}

fn now<T>(future: impl Future<Output = Result<T, SignalProtocolError>>) -> Result<T> {
    future
        .now_or_never()
        .ok_or(SignalFault::NotReady)?
        .map_err(SignalFault::Protocol)
}

/// Encrypts on the phone of `pn` for a device, starting a session if there is none.
pub(crate) fn encrypt(world: &mut World, pn: Pn, to: DeviceKey, plain: &[u8]) -> Result<Sealed> {
    if !world.areas.phone.sessions.contains(&(pn, to)) {
        let bundle = prekeys::take_bundle(world, to).ok_or(SignalFault::NoKeys)?;
        start_session(world, pn, to, &bundle)?;
    }
    let mut desk = Desk::take(world, pn, to, None)?;
    let sealed = now(message_encrypt(
        plain,
        &address(to),
        &mut desk.session,
        &mut desk.identity,
    ))?;
    desk.put_back(world, pn, to)?;
    match sealed {
        CiphertextMessage::PreKeySignalMessage(m) => Ok(Sealed {
            kind: "pkmsg",
            bytes: m.serialized().to_vec(),
        }),
        CiphertextMessage::SignalMessage(m) => Ok(Sealed {
            kind: "msg",
            bytes: m.serialized().to_vec(),
        }),
        _ => Err(SignalFault::UnknownKind),
    }
}

/// Replaces whatever session there is by a fresh one.
pub(crate) fn start_session(
    world: &mut World,
    pn: Pn,
    with: DeviceKey,
    bundle: &Bundle,
) -> Result<()> {
    let mut desk = Desk::take(world, pn, with, None)?;
    let public = |bytes: &[u8]| {
        PublicKey::from_djb_public_key_bytes(bytes).map_err(SignalProtocolError::from)
    };
    let one_time = match &bundle.one_time {
        Some((id, key)) => Some(((*id).into(), public(key)?)),
        None => None,
    };
    let signature = bundle.signed.signature.0.clone();
    let bundle = PreKeyBundle::new(
        bundle.registration_id,
        u32::from(with.device).into(),
        one_time,
        bundle.signed.id.into(),
        public(&bundle.signed.public.0)?,
        signature,
        IdentityKey::new(public(&bundle.identity)?),
    )?;
    now(process_prekey_bundle(
        &address(with),
        &mut desk.session,
        &mut desk.identity,
        &bundle,
        &mut world.rng,
        UsePQRatchet::No,
    ))?;
    desk.put_back(world, pn, with)
}

/// Decrypts a `pkmsg` or `msg` on the phone of `pn`.
pub(crate) fn decrypt(
    world: &mut World,
    pn: Pn,
    from: DeviceKey,
    kind: &str,
    sealed: &[u8],
) -> Result<Vec<u8>> {
    let (message, prekey) = match kind {
        "pkmsg" => {
            let message = PreKeySignalMessage::try_from(sealed)?;
            let prekey = message.pre_key_id().map(u32::from);
            (CiphertextMessage::PreKeySignalMessage(message), prekey)
        }
        "msg" => (
            CiphertextMessage::SignalMessage(SignalMessage::try_from(sealed)?),
            None,
        ),
        _ => return Err(SignalFault::UnknownKind),
    };
    let mut desk = Desk::take(world, pn, from, prekey)?;
    let Desk {
        session,
        identity,
        prekeys,
        signed,
    } = &mut desk;
    let plain = now(message_decrypt(
        &message,
        &address(from),
        session,
        identity,
        prekeys,
        signed,
        &mut world.rng,
        UsePQRatchet::No,
    ))?;
    desk.put_back(world, pn, from)?;
    // The session and the spent key are committed in one step.
    if let Some(id) = plain.consumed_prekey_id {
        world.areas.phone.prekeys.remove(&(pn, id.into()));
    }
    Ok(plain.plaintext)
}
