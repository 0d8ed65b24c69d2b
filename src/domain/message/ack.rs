//! How far a message has come: the ladder of acks, and the one word for an own message.

use serde::{Deserialize, Serialize};

/// How far a message has come. The numbers are those that users of similar tools know.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Ack {
    /// It failed.
    Error = -1,
    /// Not yet at the server.
    Pending = 0,
    /// The server has it.
    Server = 1,
    /// The receiver's device has it.
    Device = 2,
    /// It was read.
    Read = 3,
    /// It was played.
    Played = 4,
}

impl Ack {
    /// The number that is stored and shown.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The ack of a stored number.
    pub const fn from_number(number: i16) -> Option<Self> {
        Some(match number {
            -1 => Self::Error,
            0 => Self::Pending,
            1 => Self::Server,
            2 => Self::Device,
            3 => Self::Read,
            4 => Self::Played,
            _ => return None,
        })
    }
}

/// Where an own message is, in one word. It is never guessed: `unknown` is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is stored, and is sent as soon as the session can.
    Queued,
    /// It is being sent.
    Sending,
    /// The server has it.
    Sent,
    /// The receiver's device has it.
    Delivered,
    /// It was read.
    Read,
    /// It will not be sent.
    Failed,
    /// It was sent more than once, and the server never answered.
    Unknown,
}

impl Ack {
    /// The status of an own message that has come this far; none while the server does not have it.
    pub const fn status(self) -> Option<Status> {
        Some(match self {
            Self::Error => Status::Failed,
            Self::Pending => return None,
            Self::Server => Status::Sent,
            Self::Device => Status::Delivered,
            Self::Read | Self::Played => Status::Read,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_keeps_its_number() {
        for number in -1..=4 {
            assert_eq!(Ack::from_number(number).unwrap().number(), number);
        }
        assert_eq!(Ack::from_number(5), None);
    }
}
