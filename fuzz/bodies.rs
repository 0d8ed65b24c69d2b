//! What each fuzz target does with any bytes: nothing may panic, and what is promised of the result holds.
//!
//! `tests/it/fuzzed.rs` plays the seeds and what was found with the same bodies, on the compiler of every day.

use buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;
use wharf::{
    domain::{
        address::{Address, Chat, ChatKind, Party},
        event::Event,
        message::{Card, Contact, Content, Context, Message},
    },
    protocol,
    webhook::filter::{Chats, Sessions, Types},
};

/// An address is shown in one form, which is the same address.
pub fn addresses(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(address) = text.parse::<Address>() {
        let shown = address.to_string();
        assert_eq!(shown.parse(), Ok(address), "{text:?}");
    }
}

/// Whatever a phone sends can be told, stored and read again.
pub fn incoming(bytes: &[u8]) {
    if let Some((content, context)) = protocol::read(bytes) {
        tell(content, context);
    }
}

/// A card of anybody's can be read, and one of ours reads as it was written.
pub fn vcards(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, vcard) = text.split_once('\n').unwrap_or(("", &text));
    let sent = wa::Message {
        contact_message: MessageField::some(wa::message::ContactMessage {
            display_name: Some(name.to_owned()),
            vcard: Some(vcard.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let (content, context) = protocol::read(&sent.encode_to_vec()).expect("a card is a message");
    if let Content::Contact {
        contact: Contact::One(card),
    } = &content
    {
        let phone = card.phone.as_deref().unwrap_or("0");
        assert!(phone.bytes().all(|byte| byte.is_ascii_digit()), "{phone:?}");
    }
    tell(content, context);
    written(name, vcard);
}

/// What a caller may write: no control characters, since a line break would begin another property.
fn written(name: &str, organization: &str) {
    let fits = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
    if !fits(name) || !fits(organization) {
        return;
    }
    let card = Card {
        name: name.to_owned(),
        phone: Some("491700000202".to_owned()),
        organization: Some(organization.to_owned()),
        vcard: None,
    };
    let contact = Contact::One(card);
    let mut message = message(Content::Contact { contact }, Context::default());
    let payload = protocol::compose(&mut message).expect("a card can be composed");
    let read = protocol::read(&payload.into_stored());
    let Some((
        Content::Contact {
            contact: Contact::One(card),
        },
        _,
    )) = read
    else {
        panic!("a card is not read as one");
    };
    assert_eq!(card.name, name);
    assert_eq!(card.phone.as_deref(), Some("491700000202"));
}

/// A list that is taken is the same after it was stored, and wants what it names.
pub fn filters(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let list: Vec<String> = text.split('\n').map(str::to_owned).collect();
    if let Ok(types) = Types::parse(&list) {
        assert_eq!(Types::from_stored(&types.to_stored()), types);
        for name in Event::NAMES {
            let named = list.iter().any(|word| word == name || word == "*");
            assert!(types.matches(name) || !named, "{name} of {list:?}");
        }
    }
    if let Ok(sessions) = Sessions::parse(&list) {
        assert_eq!(Sessions::from_stored(&sessions.to_stored()), sessions);
        assert_eq!(Sessions::parse(&sessions.entries()), Ok(sessions));
    }
    if let Ok(chats) = Chats::parse(&list) {
        assert_eq!(Chats::from_stored(chats.to_stored().as_deref()), chats);
        for chat in chats.entries().iter().filter(|chat| *chat != "*") {
            assert!(chats.matches(Some(chat)), "{chat}");
        }
        assert_eq!(Chats::parse(&chats.entries()), Ok(chats));
    }
    // What is stored may be damaged: it matches nothing, and never fails.
    drop((Types::from_stored(text), Sessions::from_stored(text)));
    drop(Chats::from_stored(Some(text)));
}

fn message(content: Content, context: Context) -> Message {
    let party = Party::person(Some("491700000202".to_owned()), None);
    Message {
        message_id: "A".to_owned(),
        chat: Chat {
            party: party.clone(),
            kind: ChatKind::User,
        },
        sender: party,
        from_me: false,
        push_name: None,
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        content,
        context,
        private: None,
    }
}

fn tell(content: Content, context: Context) {
    let message = message(content, context);
    let named = Event::name_of(&message.content);
    assert!(Event::NAMES.contains(&named), "{named}");
    let json = serde_json::to_string(&message).expect("a message is JSON");
    let read: Message = serde_json::from_str(&json).expect("what is stored can be read");
    // Not all of it: the last digit of a place may be another.
    assert_eq!(read.content.kind(), message.content.kind());
}
