//! The phone's Signal sessions, as synchronous functions over the world's tables.
//!
//! libsignal's functions are async because stores may be. These stores are in memory, so a future is ready at its first
//! poll; one that is not is an error, never a wait.

use async_trait::async_trait;
use futures_util::FutureExt as _;
use wacore_libsignal::protocol::{
    CiphertextMessage, Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey,
    IdentityKeyPair, IdentityKeyStore, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage,
    PreKeyStore, ProtocolAddress, PublicKey, SenderKeyDistributionMessage, SenderKeyName,
    SenderKeyRecord, SenderKeyStore, SessionRecord, SessionStore, SignalMessage,
    SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp,
    UsePQRatchet, create_sender_key_distribution_message, group_decrypt, group_encrypt,
    message_decrypt, message_encrypt, process_prekey_bundle,
    process_sender_key_distribution_message,
};

use crate::areas::prekeys::{self, Bundle};
use crate::jids::{DeviceKey, Pn};
use crate::keys::key_pair;
use crate::store::Blob;
use crate::world::World;
use crate::world::people::PHONE_SIGNED_PREKEY_ID;

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

type Result<T> = std::result::Result<T, SignalFault>;

/// A ciphertext and its kind on the wire.
pub(crate) struct Sealed {
    /// `pkmsg` or `msg`.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The phone's side of one session, taken out of the tables for one operation.
struct Desk {
    session: SessionSlot,
    identity: Identity,
    prekeys: PreKeys,
    signed: Signed,
}

struct SessionSlot(Option<SessionRecord>);
struct Identity {
    pair: IdentityKeyPair,
    registration_id: u32,
}
/// The one-time key that the message at hand names, if the phone has it.
struct PreKeys(Option<PreKeyRecord>);
struct Signed(SignedPreKeyRecord);

fn address(key: DeviceKey) -> ProtocolAddress {
    ProtocolAddress::new(&format!("{}:{}", key.pn, key.device), 0.into())
}

fn now<T>(future: impl Future<Output = std::result::Result<T, SignalProtocolError>>) -> Result<T> {
    future
        .now_or_never()
        .ok_or(SignalFault::NotReady)?
        .map_err(SignalFault::Protocol)
}

impl Desk {
    fn take(world: &World, pn: Pn, with: DeviceKey, prekey: Option<u32>) -> Result<Self> {
        let phone = &world.accounts.get(&pn).ok_or(SignalFault::NoPhone)?.phone;
        let identity = key_pair(&phone.identity).map_err(SignalProtocolError::from)?;
        let signed = key_pair(&phone.signed_prekey).map_err(SignalProtocolError::from)?;
        let tables = &world.areas.phone;
        let session = match tables.sessions.get(&(pn, with)) {
            Some(blob) => Some(load(&blob.0)?),
            None => None,
        };
        let named = prekey.and_then(|id| Some((id, tables.prekeys.get(&(pn, id))?)));
        let named = match named {
            Some((id, private)) => {
                let pair = key_pair(private).map_err(SignalProtocolError::from)?;
                Some(PreKeyRecord::new(id.into(), &pair))
            }
            None => None,
        };
        Ok(Self {
            session: SessionSlot(session),
            identity: Identity {
                pair: IdentityKeyPair::new(
                    IdentityKey::new(identity.public_key),
                    identity.private_key,
                ),
                registration_id: phone.registration_id,
            },
            prekeys: PreKeys(named),
            signed: Signed(SignedPreKeyRecord::new(
                PHONE_SIGNED_PREKEY_ID.into(),
                Timestamp::from_epoch_millis(0),
                &signed,
                &phone.signed_prekey_signature.0,
            )),
        })
    }

    fn put_back(self, world: &mut World, pn: Pn, with: DeviceKey) -> Result<()> {
        if let Some(record) = &self.session.0 {
            world
                .areas
                .phone
                .sessions
                .insert((pn, with), Blob(record.serialize()?));
        }
        Ok(())
    }
}

/// The journal is written before a stanza leaves, so no counter has to be reserved ahead.
fn load(bytes: &[u8]) -> std::result::Result<SessionRecord, SignalProtocolError> {
    let mut record = SessionRecord::deserialize(bytes)?;
    record.waive_counter_lease();
    Ok(record)
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

/// Learns the sender key of a device in a group.
pub(crate) fn learn_sender_key(
    world: &mut World,
    pn: Pn,
    group: &str,
    from: DeviceKey,
    distribution: &[u8],
) -> Result<()> {
    let message = SenderKeyDistributionMessage::try_from(distribution)?;
    let mut slot = SenderKeySlot::take(world, pn, group, from)?;
    let name = sender_key_name(group, from);
    now(process_sender_key_distribution_message(
        &name, &message, &mut slot,
    ))?;
    slot.put_back(world, pn, group, from)
}

/// Decrypts a `skmsg` on the phone of `pn`.
pub(crate) fn decrypt_group(
    world: &mut World,
    pn: Pn,
    group: &str,
    from: DeviceKey,
    sealed: &[u8],
) -> Result<Vec<u8>> {
    let mut slot = SenderKeySlot::take(world, pn, group, from)?;
    let plain = now(group_decrypt(
        sealed,
        &mut slot,
        &sender_key_name(group, from),
    ))?;
    slot.put_back(world, pn, group, from)?;
    Ok(plain)
}

/// What other devices need to read what the phone of `pn` writes in a group. Made at the first message.
pub(crate) fn own_sender_key(world: &mut World, pn: Pn, group: &str) -> Result<Vec<u8>> {
    let mut slot = SenderKeySlot::take(world, pn, group, pn.phone())?;
    let name = sender_key_name(group, pn.phone());
    let message = now(create_sender_key_distribution_message(
        &name,
        &mut slot,
        &mut world.rng,
    ))?;
    slot.put_back(world, pn, group, pn.phone())?;
    Ok(message.serialized().to_vec())
}

/// Encrypts for a group on the phone of `pn`; its sender key must have been made.
pub(crate) fn encrypt_group(
    world: &mut World,
    pn: Pn,
    group: &str,
    plain: &[u8],
) -> Result<Vec<u8>> {
    let mut slot = SenderKeySlot::take(world, pn, group, pn.phone())?;
    let name = sender_key_name(group, pn.phone());
    let sealed = now(group_encrypt(&mut slot, &name, plain, &mut world.rng))?;
    slot.put_back(world, pn, group, pn.phone())?;
    Ok(sealed.serialized().to_vec())
}

pub(crate) fn sender_key_name(group: &str, from: DeviceKey) -> SenderKeyName {
    SenderKeyName::from_parts(group, address(from).as_str())
}

/// One sender key, taken out of the table for one operation.
pub(crate) struct SenderKeySlot(Option<SenderKeyRecord>);

impl SenderKeySlot {
    pub(crate) fn take(world: &World, pn: Pn, group: &str, from: DeviceKey) -> Result<Self> {
        let row = world
            .areas
            .phone
            .sender_keys
            .get(&(pn, group.to_owned(), from));
        let Some(blob) = row else {
            return Ok(Self(None));
        };
        let mut record = SenderKeyRecord::deserialize(&blob.0)?;
        record.waive_counter_lease()?;
        Ok(Self(Some(record)))
    }

    pub(crate) fn put_back(
        self,
        world: &mut World,
        pn: Pn,
        group: &str,
        from: DeviceKey,
    ) -> Result<()> {
        if let Some(record) = self.0 {
            let key = (pn, group.to_owned(), from);
            world
                .areas
                .phone
                .sender_keys
                .insert(key, Blob(record.serialize()?));
        }
        Ok(())
    }
}

#[async_trait]
impl SenderKeyStore for SenderKeySlot {
    async fn store_sender_key(
        &mut self,
        _: &SenderKeyName,
        record: SenderKeyRecord,
    ) -> std::result::Result<(), SignalProtocolError> {
        self.0 = Some(record);
        Ok(())
    }

    async fn load_sender_key(
        &self,
        _: &SenderKeyName,
    ) -> std::result::Result<Option<SenderKeyRecord>, SignalProtocolError> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl SessionStore for SessionSlot {
    async fn load_session(
        &self,
        _: &ProtocolAddress,
    ) -> std::result::Result<Option<SessionRecord>, SignalProtocolError> {
        Ok(self.0.clone())
    }

    async fn has_session(
        &self,
        _: &ProtocolAddress,
    ) -> std::result::Result<bool, SignalProtocolError> {
        Ok(self.0.is_some())
    }

    async fn store_session(
        &mut self,
        _: &ProtocolAddress,
        record: SessionRecord,
    ) -> std::result::Result<(), SignalProtocolError> {
        self.0 = Some(record);
        Ok(())
    }
}

/// A phone of the sandbox trusts whoever the server names: it never has to ask its person.
#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(
        &self,
    ) -> std::result::Result<IdentityKeyPair, SignalProtocolError> {
        Ok(self.pair.clone())
    }

    async fn get_local_registration_id(&self) -> std::result::Result<u32, SignalProtocolError> {
        Ok(self.registration_id)
    }

    async fn save_identity(
        &mut self,
        _: &ProtocolAddress,
        _: &IdentityKey,
    ) -> std::result::Result<IdentityChange, SignalProtocolError> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(
        &self,
        _: &ProtocolAddress,
        _: &IdentityKey,
        _: Direction,
    ) -> std::result::Result<bool, SignalProtocolError> {
        Ok(true)
    }

    async fn get_identity(
        &self,
        _: &ProtocolAddress,
    ) -> std::result::Result<Option<IdentityKey>, SignalProtocolError> {
        Ok(None)
    }
}

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(
        &self,
        _: PreKeyId,
    ) -> std::result::Result<PreKeyRecord, SignalProtocolError> {
        self.0.clone().ok_or(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(
        &mut self,
        _: PreKeyId,
        record: &PreKeyRecord,
    ) -> std::result::Result<(), SignalProtocolError> {
        self.0 = Some(record.clone());
        Ok(())
    }

    async fn remove_pre_key(
        &mut self,
        _: PreKeyId,
    ) -> std::result::Result<(), SignalProtocolError> {
        self.0 = None;
        Ok(())
    }
}

#[async_trait]
impl SignedPreKeyStore for Signed {
    async fn get_signed_pre_key(
        &self,
        id: SignedPreKeyId,
    ) -> std::result::Result<SignedPreKeyRecord, SignalProtocolError> {
        if u32::from(id) == PHONE_SIGNED_PREKEY_ID {
            Ok(self.0.clone())
        } else {
            Err(SignalProtocolError::InvalidSignedPreKeyId)
        }
    }

    async fn save_signed_pre_key(
        &mut self,
        _: SignedPreKeyId,
        record: &SignedPreKeyRecord,
    ) -> std::result::Result<(), SignalProtocolError> {
        self.0 = record.clone();
        Ok(())
    }
}
