//! Sender keys: how the phone reads and writes in groups.

use async_trait::async_trait;
use wacore_libsignal::protocol::{
    SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore,
    SignalProtocolError, create_sender_key_distribution_message, group_decrypt, group_encrypt,
    process_sender_key_distribution_message,
};

use super::{Result, address, now};
use crate::jids::{DeviceKey, Pn};
use crate::store::Blob;
use crate::world::World;

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

fn sender_key_name(group: &str, from: DeviceKey) -> SenderKeyName {
    SenderKeyName::from_parts(group, address(from).as_str())
}

/// One sender key, taken out of the table for one operation.
struct SenderKeySlot(Option<SenderKeyRecord>);

impl SenderKeySlot {
    fn take(world: &World, pn: Pn, group: &str, from: DeviceKey) -> Result<Self> {
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

    fn put_back(self, world: &mut World, pn: Pn, group: &str, from: DeviceKey) -> Result<()> {
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
    ) -> Result<(), SignalProtocolError> {
        self.0 = Some(record);
        Ok(())
    }

    async fn load_sender_key(
        &self,
        _: &SenderKeyName,
    ) -> Result<Option<SenderKeyRecord>, SignalProtocolError> {
        Ok(self.0.clone())
    }
}
