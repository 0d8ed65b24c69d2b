//! Contact cards: vCards as phones write and read them.

use waproto::whatsapp as wa;

use crate::domain::message::Card;

/// The card as phones write it.
pub(super) fn write(card: &Card) -> String {
    let name = escape(&card.name);
    let organization = card.organization.as_deref();
    let organization = organization.map(|units| format!("ORG:{};", escape(units)));
    let phone = card.phone.as_deref();
    let phone = phone.map(|digits| format!("TEL;type=CELL;waid={digits}:+{digits}"));
    let lines = [
        Some("BEGIN:VCARD".to_owned()),
        Some("VERSION:3.0".to_owned()),
        Some(format!("N:;{name};;;")),
        Some(format!("FN:{name}")),
        organization,
        phone,
        Some("END:VCARD".to_owned()),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    lines.join("\n")
}

/// What a phone has sent as a card.
pub(super) fn read(message: &wa::message::ContactMessage) -> Card {
    let vcard = message.vcard.clone().unwrap_or_default();
    let display = message.display_name.clone();
    let name = display.filter(|name| !name.is_empty());
    Card {
        name: name.or_else(|| value(&vcard, "FN")).unwrap_or_default(),
        phone: phone(&vcard),
        organization: value(&vcard, "ORG")
            .map(|units| units.trim_end_matches(';').to_owned())
            .filter(|units| !units.is_empty()),
        vcard: Some(vcard),
    }
}

/// A line break would begin another property, a semicolon another part of this one.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | ';' | ',') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        plain.push(literal);
    }
    plain
}

/// Each property: its name without group and parameters, its parameters, its value.
fn properties(vcard: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    vcard.lines().filter_map(|line| {
        let (head, value) = line.trim_end().split_once(':')?;
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        let name = name.rsplit('.').next().unwrap_or(name);
        Some((name, parameters, value))
    })
}

fn value(vcard: &str, wanted: &str) -> Option<String> {
    let mut found = properties(vcard).filter(|(name, _, _)| name.eq_ignore_ascii_case(wanted));
    let (_, _, value) = found.next()?;
    Some(unescape(value)).filter(|value| !value.is_empty())
}

/// The digits of the first number; a number that is on WhatsApp goes before one that may not be.
fn phone(vcard: &str) -> Option<String> {
    let numbers = || properties(vcard).filter(|(name, _, _)| name.eq_ignore_ascii_case("TEL"));
    // A parameter is what its sender likes, as is the number.
    let on_whatsapp = numbers().find_map(|(_, parameters, _)| {
        let mut parameters = parameters.split(';');
        parameters.find_map(|one| digits(one.strip_prefix("waid=")?))
    });
    on_whatsapp.or_else(|| {
        let (_, _, number) = numbers().next()?;
        digits(number)
    })
}

fn digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    Some(digits).filter(|digits| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(card: &Card) -> wa::message::ContactMessage {
        wa::message::ContactMessage {
            display_name: Some(card.name.clone()),
            vcard: Some(write(card)),
            ..Default::default()
        }
    }

    #[test]
    fn a_card_that_is_written_reads_the_same() {
        let card = Card {
            name: "Bob; \\ the, Builder".to_owned(),
            phone: Some("491700000202".to_owned()),
            organization: Some("Sons, Ltd".to_owned()),
            vcard: None,
        };
        let read = read(&sent(&card));
        assert_eq!(read.vcard, Some(write(&card)));
        assert_eq!(
            Card {
                vcard: None,
                ..read
            },
            card
        );
    }

    #[test]
    fn the_first_number_is_found_in_cards_of_all_makes() {
        let vcard = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nitem1.TEL:+49 170 (12) 3\r\nEND:VCARD";
        assert_eq!(phone(vcard).as_deref(), Some("49170123"));
        assert_eq!(value(vcard, "fn").as_deref(), Some("Ann"));
        let two = "TEL:1\nTEL;type=CELL;waid=55119:+55 119\n";
        assert_eq!(phone(two).as_deref(), Some("55119"));
        assert_eq!(phone("nonsense"), None);
    }

    #[test]
    fn what_a_card_calls_a_number_is_shown_in_digits_or_not_at_all() {
        let spaced = "TEL;waid=+49 170:1\n";
        assert_eq!(phone(spaced).as_deref(), Some("49170"));
        assert_eq!(phone("TEL;waid=me:+1\n").as_deref(), Some("1"));
        assert_eq!(phone("TEL;waid=me:you\n"), None);
    }
}
