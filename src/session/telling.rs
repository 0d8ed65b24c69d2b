//! What the log and the row of a session say about a state.
//!
//! Pure: the actor and the manager write what it gives.

use super::qr;
use crate::{
    db::sessions::RunState,
    domain::{
        clock::rfc3339,
        event::{AccountData, ErrorData, Event, PasskeyData, QrData, ReasonData, ReceiptData},
        message::Ack,
        passkey::{Passkey, Stage},
        session::{Account, Phase, Reason, Snapshot},
    },
    protocol::Member,
};

/// The event that tells of `phase`, if one does.
pub(super) fn event(phase: &Phase, detail: Option<String>, of: &Account) -> Option<Event> {
    let why = |reason: Reason| ReasonData {
        reason,
        detail: detail.clone(),
    };
    Some(match phase {
        Phase::Connecting => return None,
        Phase::NeedScan(qr) => match qr::png_data_url(&qr.code) {
            Ok(image) => Event::Qr(QrData {
                code: qr.code.clone(),
                image,
                expires_at: rfc3339(qr.expires_at),
                index: qr.index,
            }),
            Err(error) => Event::Error(ErrorData {
                code: "qr_failed".to_owned(),
                detail: error.to_string(),
            }),
        },
        Phase::Connected => Event::Connected(account(of)),
        Phase::Disconnected(reason) => Event::Disconnected(why(*reason)),
        Phase::LoggedOut(reason) => Event::LoggedOut(why(*reason)),
        Phase::Expired(reason @ Reason::QrTimeout) => Event::QrTimeout(why(*reason)),
        Phase::Expired(reason) => Event::Error(ErrorData {
            code: reason.as_str().to_owned(),
            detail: detail.unwrap_or_else(|| "the pairing ended without a phone".to_owned()),
        }),
        Phase::Degraded(reason) => Event::Degraded(why(*reason)),
    })
}

/// The event that tells of a member's receipt.
pub(super) fn receipt(message_id: String, ack: Ack, member: &Member) -> Event {
    Event::MessageReceipt(Box::new(ReceiptData {
        message_id,
        chat: member.group.clone(),
        by: member.party.clone(),
        ack: ack.number(),
        ack_name: ack,
        timestamp: member.at.clone(),
    }))
}

/// The passkey gate, as events show it.
pub fn passkey(gate: &Passkey) -> PasskeyData {
    let (options, code) = match &gate.stage {
        Stage::Challenge(options) => (Some(options.clone()), None),
        Stage::Confirm(code) => (None, Some(code.clone())),
        Stage::Answered | Stage::Confirmed => (None, None),
    };
    PasskeyData {
        stage: gate.stage.name(),
        options,
        code,
        expires_at: rfc3339(gate.expires_at),
    }
}

/// The account, as events show it.
pub(super) fn account(of: &Account) -> AccountData {
    AccountData {
        phone: of.phone.clone(),
        lid: of.lid.clone(),
        push_name: of.push_name.clone(),
    }
}

/// What the row of a session says about `snapshot`.
pub(super) fn row(snapshot: &Snapshot) -> RunState {
    RunState {
        state: snapshot.phase.state(),
        reason: snapshot
            .phase
            .reason()
            .map(|reason| reason.as_str().to_owned()),
        phone: snapshot.account.phone.clone(),
        lid: snapshot.account.lid.clone(),
        push_name: snapshot.account.push_name.clone(),
        connected_at: snapshot.connected_at,
    }
}
