//! There and back: what is composed reads the same.

use buffa::MessageField;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use super::{incoming, message_id, outgoing, party};
use crate::domain::{
    address::{Chat, ChatKind, Party},
    message::{
        Card, Contact, Content, Context, LinkPreview, Location, Message, Occasion, Poll, Private,
        ReplyTo, Venue,
    },
};

fn every_kind() -> Vec<Content> {
    let location = Location {
        latitude: 52.5,
        longitude: -13.4,
        name: Some("Gate".to_owned()),
        address: Some("Square 1".to_owned()),
        url: None,
        live: false,
    };
    let poll = |multi, quiz: Option<&str>| Content::Poll {
        poll: Poll {
            name: "Which?".to_owned(),
            options: vec!["one".to_owned(), "two".to_owned()],
            multi,
            quiz: quiz.map(str::to_owned),
        },
    };
    let event = Occasion {
        name: "Launch".to_owned(),
        description: Some("at last".to_owned()),
        starts_at: Some("2027-01-01T10:00:00.000Z".to_owned()),
        ends_at: None,
        location: Some(Venue {
            name: "Quay".to_owned(),
            latitude: Some(1.0),
            longitude: Some(2.0),
        }),
        join_link: None,
        extra_guests: true,
        canceled: false,
    };
    vec![
        Content::text("hi"),
        Content::Location { location },
        poll(true, None),
        poll(false, None),
        poll(false, Some("two")),
        Content::Event { event },
    ]
}

fn message(content: Content, context: Context) -> Message {
    let bob = Party::person(Some("491700000202".to_owned()), None);
    Message {
        message_id: "A".to_owned(),
        chat: Chat {
            party: bob.clone(),
            kind: ChatKind::User,
        },
        sender: bob,
        from_me: true,
        push_name: None,
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        content,
        context,
        private: None,
    }
}

fn there_and_back(message: &mut Message) -> incoming::Read {
    let payload = outgoing::compose(message).unwrap();
    incoming::read(&payload.decode().unwrap()).unwrap()
}

#[test]
fn every_kind_that_is_sent_reads_the_same_with_all_that_comes_with_it() {
    let bob = Party::person(Some("491700000202".to_owned()), None);
    let full = Context {
        reply_to: Some(Box::new(ReplyTo {
            message_id: "B".to_owned(),
            sender: Some(bob.clone()),
            content: Some(Box::new(Content::text("who?"))),
            status: true,
            file: None,
        })),
        mentions: vec![bob],
        forwarded: true,
        expires_in_s: Some(86_400),
        ..Context::default()
    };
    for content in every_kind() {
        for context in [Context::default(), full.clone()] {
            let mut message = message(content.clone(), context.clone());
            let read = there_and_back(&mut message);
            assert_eq!(read.content, content);
            assert_eq!(read.context, context);
            assert_eq!(read.private, message.private, "the secret is the same");
        }
    }
}

#[test]
fn a_poll_has_a_secret_and_a_text_has_none() {
    for content in every_kind() {
        let wants = matches!(content, Content::Poll { .. } | Content::Event { .. });
        let mut message = message(content, Context::default());
        let read = there_and_back(&mut message);
        let private = read.private.as_deref();
        assert_eq!(matches!(private, Some(Private::Secret(_))), wants);
    }
}

#[test]
fn cards_keep_their_names_and_numbers() {
    let card = |name: &str| Card {
        name: name.to_owned(),
        phone: Some("491700000202".to_owned()),
        organization: None,
        vcard: None,
    };
    let contact = Contact::Many {
        name: "2 contacts".to_owned(),
        cards: vec![card("Ann"), card("Bob")],
    };
    let mut sent = message(Content::Contact { contact }, Context::default());
    let Content::Contact {
        contact: Contact::Many { cards, .. },
    } = there_and_back(&mut sent).content
    else {
        panic!("several cards")
    };
    let names: Vec<_> = cards.iter().map(|card| card.name.as_str()).collect();
    assert_eq!(names, ["Ann", "Bob"]);
    assert!(cards.iter().all(|card| card.phone.is_some()));
}

#[test]
fn a_link_has_the_preview_that_it_was_given() {
    let preview = LinkPreview {
        url: "https://example.org".to_owned(),
        title: Some("Example".to_owned()),
        description: None,
    };
    let context = Context {
        link_preview: Some(preview),
        ..Context::default()
    };
    let mut sent = message(Content::text("see https://example.org"), context.clone());
    assert_eq!(there_and_back(&mut sent).context, context);
}

#[test]
fn wrappers_are_looked_into_and_what_they_say_is_kept() {
    let wrap = |inner: wa::Message| {
        MessageField::some(wa::message::FutureProofMessage {
            message: MessageField::some(inner),
        })
    };
    let text = wa::Message {
        conversation: Some("hi".to_owned()),
        ..Default::default()
    };
    let ephemeral = wa::Message {
        ephemeral_message: wrap(text),
        ..Default::default()
    };
    let once = wa::Message {
        view_once_message_v2: wrap(ephemeral),
        ..Default::default()
    };
    let read = incoming::read(&once).unwrap();
    assert_eq!(read.content, Content::text("hi"));
    assert!(read.context.view_once);

    let mut deep = once;
    for _ in 0..100 {
        deep = wa::Message {
            ephemeral_message: wrap(deep),
            ..Default::default()
        };
    }
    assert_eq!(incoming::read(&deep), None);
}

#[test]
fn what_is_not_written_to_a_user_is_no_message_and_a_new_kind_is_passed_on() {
    assert_eq!(incoming::read(&wa::Message::default()), None);
    let share = wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(incoming::read(&share), None);
    let product = wa::Message {
        product_message: MessageField::some(wa::message::ProductMessage {
            body: Some("a boat".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let Content::Unknown { unknown } = incoming::read(&product).unwrap().content else {
        panic!("a kind of its own")
    };
    assert_eq!(unknown.kind.as_deref(), Some("product_message"));
    assert_eq!(unknown.raw["product_message"]["body"], "a boat");
}

#[test]
fn a_message_id_is_fresh_and_looks_like_those_of_whatsapp_web() {
    let id = message_id();
    assert!(id.starts_with("3EB0") && id.len() == 22, "{id}");
    assert_ne!(id, message_id());
}

#[test]
fn a_person_is_shown_by_phone_where_it_is_known() {
    let shown = party(&Jid::lid("77"), Some(&Jid::pn("5511999887766")));
    assert_eq!(shown.id, "5511999887766@s.whatsapp.net");
    assert_eq!(shown.lid.as_deref(), Some("77@lid"));
    assert_eq!(party(&Jid::lid("77"), None).id, "77@lid");
}

#[test]
fn numbers_that_are_none_and_ids_that_are_none_are_not_taken_over() {
    let place = wa::Message {
        location_message: MessageField::some(wa::message::LocationMessage {
            degrees_latitude: Some(f64::NAN),
            degrees_longitude: Some(f64::INFINITY),
            ..Default::default()
        }),
        ..Default::default()
    };
    let read = incoming::read(&place).unwrap();
    let json = serde_json::to_string(&read.content).unwrap();
    assert_eq!(
        serde_json::from_str::<Content>(&json).unwrap(),
        read.content
    );
    for id in [String::new(), "x".repeat(129), "a\0b".to_owned()] {
        let reaction = wa::Message {
            reaction_message: MessageField::some(wa::message::ReactionMessage {
                key: MessageField::some(wa::MessageKey {
                    id: Some(id),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(incoming::read(&reaction), None);
    }
}
