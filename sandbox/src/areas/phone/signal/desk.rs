//! What one operation of a session needs, taken out of the tables: the session, the phone's identity and its keys.

use async_trait::async_trait;
use wacore_libsignal::protocol::{
    Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, PreKeyId, PreKeyRecord, PreKeyStore, ProtocolAddress, SessionRecord,
    SessionStore, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore,
    Timestamp,
};

use super::{Result, SignalFault};
use crate::jids::{DeviceKey, Pn};
use crate::keys::key_pair;
use crate::store::Blob;
use crate::world::World;
use crate::world::people::PHONE_SIGNED_PREKEY_ID;

/// The phone's side of one session, taken out of the tables for one operation.
pub(super) struct Desk {
    pub(super) session: SessionSlot,
    pub(super) identity: Identity,
    pub(super) prekeys: PreKeys,
    pub(super) signed: Signed,
}

pub(super) struct SessionSlot(Option<SessionRecord>);

pub(super) struct Identity {
    pair: IdentityKeyPair,
    registration_id: u32,
}

/// The one-time key that the message at hand names, if the phone has it.
pub(super) struct PreKeys(Option<PreKeyRecord>);

pub(super) struct Signed(SignedPreKeyRecord);

impl Desk {
    pub(super) fn take(
        world: &World,
        pn: Pn,
        with: DeviceKey,
        prekey: Option<u32>,
    ) -> Result<Self> {
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

    pub(super) fn put_back(self, world: &mut World, pn: Pn, with: DeviceKey) -> Result<()> {
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
fn load(bytes: &[u8]) -> Result<SessionRecord, SignalProtocolError> {
    let mut record = SessionRecord::deserialize(bytes)?;
    record.waive_counter_lease();
    Ok(record)
}

#[async_trait]
impl SessionStore for SessionSlot {
    async fn load_session(
        &self,
        _: &ProtocolAddress,
    ) -> Result<Option<SessionRecord>, SignalProtocolError> {
        Ok(self.0.clone())
    }

    async fn has_session(&self, _: &ProtocolAddress) -> Result<bool, SignalProtocolError> {
        Ok(self.0.is_some())
    }

    async fn store_session(
        &mut self,
        _: &ProtocolAddress,
        record: SessionRecord,
    ) -> Result<(), SignalProtocolError> {
        self.0 = Some(record);
        Ok(())
    }
}

/// A phone of the sandbox trusts whoever the server names: it never has to ask its person.
#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair, SignalProtocolError> {
        Ok(self.pair.clone())
    }

    async fn get_local_registration_id(&self) -> Result<u32, SignalProtocolError> {
        Ok(self.registration_id)
    }

    async fn save_identity(
        &mut self,
        _: &ProtocolAddress,
        _: &IdentityKey,
    ) -> Result<IdentityChange, SignalProtocolError> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(
        &self,
        _: &ProtocolAddress,
        _: &IdentityKey,
        _: Direction,
    ) -> Result<bool, SignalProtocolError> {
        Ok(true)
    }

    async fn get_identity(
        &self,
        _: &ProtocolAddress,
    ) -> Result<Option<IdentityKey>, SignalProtocolError> {
        Ok(None)
    }
}

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, _: PreKeyId) -> Result<PreKeyRecord, SignalProtocolError> {
        self.0.clone().ok_or(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(
        &mut self,
        _: PreKeyId,
        record: &PreKeyRecord,
    ) -> Result<(), SignalProtocolError> {
        self.0 = Some(record.clone());
        Ok(())
    }

    async fn remove_pre_key(&mut self, _: PreKeyId) -> Result<(), SignalProtocolError> {
        self.0 = None;
        Ok(())
    }
}

#[async_trait]
impl SignedPreKeyStore for Signed {
    async fn get_signed_pre_key(
        &self,
        id: SignedPreKeyId,
    ) -> Result<SignedPreKeyRecord, SignalProtocolError> {
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
    ) -> Result<(), SignalProtocolError> {
        self.0 = record.clone();
        Ok(())
    }
}
