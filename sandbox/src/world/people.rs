//! People, their phones' keys, and their linked devices.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};
use wacore_libsignal::protocol::KeyPair;

use super::World;
use crate::jids::{DeviceKey, Pn};
use crate::keys::public_bytes;
use crate::store::{Blob, Secret};

/// A person with a phone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) lid: u64,
    /// The push name.
    pub(crate) name: String,
    pub(crate) created_ms: u64,
    pub(crate) phone: PhoneKeys,
    /// Linked devices so far; an id is never given twice.
    pub(crate) last_device: u16,
    /// Names this account's device list in signed lists.
    pub(crate) adv_raw_id: u32,
    pub(crate) app_state_key: AppStateKey,
}

/// The long-lived Signal keys of device 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PhoneKeys {
    pub(crate) identity: Secret,
    pub(crate) registration_id: u32,
    pub(crate) signed_prekey: Secret,
    pub(crate) signed_prekey_signature: Blob,
}

/// The key with which the person's devices encrypt their app state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AppStateKey {
    pub(crate) id: Blob,
    pub(crate) data: Secret,
    pub(crate) created_ms: u64,
}

/// A linked device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) noise: Secret,
    pub(crate) identity: Secret,
    pub(crate) registration_id: u32,
    pub(crate) signed_prekey: SignedPreKey,
    /// `ADVSignedDeviceIdentity` with the device's own signature; empty until the device has sent it.
    pub(crate) adv_identity: Blob,
    pub(crate) key_index: u32,
    pub(crate) linked_ms: u64,
    pub(crate) last_login_ms: Option<u64>,
    /// The phone has shared its app-state key with it.
    pub(crate) has_app_state_key: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignedPreKey {
    pub(crate) id: u32,
    pub(crate) public: Secret,
    pub(crate) signature: Blob,
}

/// Id of the only signed pre-key of a phone.
pub(crate) const PHONE_SIGNED_PREKEY_ID: u32 = 1;

impl World {
    /// The person with this number. A number nobody has used yet exists from now on, unless it ends in 000.
    pub(crate) fn person(&mut self, pn: Pn) -> Option<&Account> {
        if !self.accounts.contains(&pn) {
            if !pn.is_on_whatsapp() {
                return None;
            }
            let account = self.new_account(format!("Phone {:04}", pn.0 % 10_000))?;
            self.lids.insert(account.lid, pn);
            self.accounts.insert(pn, account);
        }
        self.accounts.get(&pn)
    }

    fn new_account(&mut self, name: String) -> Option<Account> {
        let lid = loop {
            let lid = self
                .rng
                .random_range(100_000_000_000_000..1_000_000_000_000_000);
            if !self.lids.contains_key(&lid) {
                break lid;
            }
        };
        let rng = &mut self.rng;
        let identity = KeyPair::generate(rng);
        let signed = KeyPair::generate(rng);
        let signature = identity
            .calculate_signature(&signed.public_key.serialize(), rng)
            .ok()?;
        let phone = PhoneKeys {
            identity: Secret(*identity.private_key.serialize()),
            registration_id: rng.random_range(1..16_380),
            signed_prekey: Secret(*signed.private_key.serialize()),
            signed_prekey_signature: Blob(signature.to_vec()),
        };
        let mut key_id = vec![0, 0];
        key_id.extend(rng.random::<[u8; 4]>());
        Some(Account {
            lid,
            name,
            created_ms: self.now_ms,
            phone,
            last_device: 0,
            adv_raw_id: self.rng.random_range(1..i32::MAX.unsigned_abs()),
            app_state_key: AppStateKey {
                id: Blob(key_id),
                data: Secret(self.rng.random()),
                created_ms: self.now_ms,
            },
        })
    }

    pub(crate) fn pn_of_lid(&self, lid: u64) -> Option<Pn> {
        self.lids.get(&lid).copied()
    }

    /// The LID address of a device; the phone-number address for somebody unknown.
    pub(crate) fn lid_jid(&self, key: DeviceKey) -> Jid {
        match self.accounts.get(&key.pn) {
            Some(account) => Jid::lid_device(account.lid.to_string(), key.device),
            None => key.pn_jid(),
        }
    }

    /// Reads a user or device address of either kind. People exist on demand by number, never by LID.
    pub(crate) fn resolve(&mut self, jid: &Jid) -> Option<DeviceKey> {
        let pn = match jid.server {
            Server::Pn | Server::Legacy => Pn::parse(&jid.user)?,
            Server::Lid => self.pn_of_lid(jid.user.parse().ok()?)?,
            _ => return None,
        };
        self.person(pn)?;
        Some(pn.device(jid.device))
    }

    /// The devices of a person, the phone first.
    pub(crate) fn devices_of(&self, pn: Pn) -> Vec<DeviceKey> {
        let linked = self.devices.range(pn.device(1)..=pn.device(u16::MAX));
        std::iter::once(pn.phone())
            .chain(linked.map(|(key, _)| *key))
            .collect()
    }

    /// The public identity key of a device.
    pub(crate) fn identity_of(&self, key: DeviceKey) -> Option<[u8; 32]> {
        if key.is_phone() {
            let account = self.accounts.get(&key.pn)?;
            let pair = crate::keys::key_pair(&account.phone.identity).ok()?;
            return Some(public_bytes(&pair));
        }
        Some(self.devices.get(&key)?.identity.0)
    }
}

#[cfg(test)]
impl World {
    /// A linked device without a real pairing behind it.
    pub(crate) fn link_for_test(&mut self) -> DeviceKey {
        let key = Pn(491_700_000_101).device(1);
        let device = Device {
            noise: Secret([1; 32]),
            identity: Secret([2; 32]),
            registration_id: 1,
            signed_prekey: SignedPreKey {
                id: 1,
                public: Secret([3; 32]),
                signature: Blob(vec![0; 64]),
            },
            adv_identity: Blob(Vec::new()),
            key_index: 1,
            linked_ms: 0,
            last_login_ms: None,
            has_app_state_key: true,
        };
        self.devices.insert(key, device);
        key
    }
}
