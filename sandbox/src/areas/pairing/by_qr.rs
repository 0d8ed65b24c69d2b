//! The phone scans a QR code: `ref,noise,identity,adv secret,client type`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::socket_of_ref;
use crate::world::World;
use crate::world::live::ConnId;

/// Why a phone does not take a QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum QrFault {
    #[error("this is no WhatsApp QR code: expected ref,noise,identity,secret[,type]")]
    Malformed,
    #[error("nobody shows this QR code")]
    Unknown,
    #[error("this QR code has expired")]
    Expired,
    #[error("the keys in the QR code are not those of the device that shows it")]
    ForeignKeys,
    #[error("this device is being linked already")]
    Busy,
}

pub(super) struct Qr {
    reference: String,
    noise: [u8; 32],
    identity: [u8; 32],
    pub(super) adv_secret: [u8; 32],
}

impl Qr {
    /// Reads the text of a QR code, bare or as the link that a phone's camera opens.
    pub(super) fn parse(text: &str) -> Result<Self, QrFault> {
        let body = text.rsplit_once('#').map_or(text, |(_, body)| body);
        let fields: Vec<&str> = body.split(',').collect();
        let [reference, noise, identity, adv_secret, ..] = fields.as_slice() else {
            return Err(QrFault::Malformed);
        };
        let key = |text: &str| {
            let bytes = BASE64_STANDARD
                .decode(text)
                .map_err(|_| QrFault::Malformed)?;
            <[u8; 32]>::try_from(bytes).map_err(|_| QrFault::Malformed)
        };
        Ok(Self {
            reference: (*reference).to_owned(),
            noise: key(noise)?,
            identity: key(identity)?,
            adv_secret: key(adv_secret)?,
        })
    }

    /// The socket that shows it.
    pub(super) fn find(&self, world: &mut World) -> Result<ConnId, QrFault> {
        let (conn, fresh) = socket_of_ref(world, &self.reference).ok_or(QrFault::Unknown)?;
        if !fresh {
            return Err(QrFault::Expired);
        }
        let socket = world.live.pairing(conn).ok_or(QrFault::Unknown)?;
        if socket.pending.is_some() || socket.gate.is_some() {
            return Err(QrFault::Busy);
        }
        match &socket.registration {
            Some(r) if r.noise.0 == self.noise && r.identity.0 == self.identity => Ok(conn),
            _ => Err(QrFault::ForeignKeys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(prefix: &str) -> String {
        let key = BASE64_STANDARD.encode([7; 32]);
        format!("{prefix}2@ref,{key},{key},{key},1")
    }

    #[test]
    fn a_code_is_read_bare_and_as_a_link() {
        for prefix in ["", "https://wa.me/settings/linked_devices#"] {
            let qr = Qr::parse(&text(prefix)).ok().unwrap();
            assert_eq!(qr.reference, "2@ref");
            assert_eq!(qr.adv_secret, [7; 32]);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "hello", "a,b,c,d", "2@ref,AAAA,AAAA,AAAA,1"] {
            assert_eq!(Qr::parse(bad).err(), Some(QrFault::Malformed), "{bad}");
        }
    }
}
