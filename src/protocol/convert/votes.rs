//! Opens what people answer to polls and calendar events.
//!
//! Such an answer is encrypted under the secret of what it answers, and bound to the addresses of both people. Which of
//! their two addresses the other side used cannot be seen, so all are tried.

use std::iter;

use wacore::{
    event::decrypt_event_response_with_secret,
    poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret},
};
use waproto::whatsapp as wa;

use crate::domain::{
    address::Party,
    message::{Answer, Message, Poll},
};

/// An answer that is still encrypted.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// The ciphertext.
    pub payload: &'a [u8],
    /// Its nonce.
    pub iv: &'a [u8],
    /// Who answers.
    pub sender: &'a Party,
}

/// The options that were chosen in `poll`, which `asked` put; none if it cannot be opened.
pub fn open_vote(
    sealed: Sealed<'_>,
    asked: &Message,
    poll: &Poll,
    secret: &[u8],
) -> Option<Vec<String>> {
    let mut pairs = pairs(&asked.sender, sealed.sender);
    let hashes = pairs.find_map(|(creator, voter)| {
        let ciphertext = PollVoteCiphertext {
            enc_payload: sealed.payload,
            enc_iv: sealed.iv,
        };
        let id = &asked.message_id;
        decrypt_poll_vote_with_secret(ciphertext, secret, id, &creator, &voter).ok()
    })?;
    let chosen = |name: &&String| {
        let hash = compute_option_hash(name);
        hashes.iter().any(|one| one[..] == hash[..])
    };
    Some(poll.options.iter().filter(chosen).cloned().collect())
}

/// Whether they come to the event that `asked` announced, and how many they bring; none if it cannot be opened.
pub fn open_response(
    sealed: Sealed<'_>,
    asked: &Message,
    secret: &[u8],
) -> Option<(Answer, Option<u32>)> {
    use wa::message::event_response_message::EventResponseType as Kind;
    let mut pairs = pairs(&asked.sender, sealed.sender);
    let response = pairs.find_map(|(creator, responder)| {
        let (payload, iv, id) = (sealed.payload, sealed.iv, &asked.message_id);
        decrypt_event_response_with_secret(payload, iv, secret, id, &creator, &responder).ok()
    })?;
    let answer = match response.response? {
        Kind::GOING => Answer::Going,
        Kind::NOT_GOING => Answer::NotGoing,
        Kind::MAYBE => Answer::Maybe,
        Kind::UNKNOWN => return None,
    };
    let guests = response.extra_guest_count.unwrap_or_default();
    let guests = u32::try_from(guests).ok().filter(|count| *count > 0);
    Some((answer, guests))
}

fn pairs(one: &Party, other: &Party) -> impl Iterator<Item = (String, String)> {
    let others: Vec<String> = addresses(other).collect();
    addresses(one).flat_map(move |one| {
        let ones = iter::repeat(one);
        ones.zip(others.clone())
    })
}

fn addresses(party: &Party) -> impl Iterator<Item = String> {
    let phone = party.phone.as_ref();
    let phone = phone.map(|digits| format!("{digits}@s.whatsapp.net"));
    party.lid.clone().into_iter().chain(phone)
}
