//! Eras: stretches of time of fixed lengths, by whose names the index of words finds what is new without reading what is old.
//!
//! An era is named by digits of the id of a message, which begins with when it was written: the more digits, the shorter. In the index
//! the name of the shortest stands behind each word of a message, so a word is found in an era of any length by how it begins.
//! [`super::message_texts`] and the migrations write them, [`super::search`] asks for them.

use std::ops::RangeInclusive;

use entity::ids::MessageRowId;

/// Hexadecimal digits of the time in an id; the first is 0 for some centuries and in no name.
const TIME_DIGITS: u32 = 12;
/// Digits of the shortest, which is 66 seconds.
const SHORTEST: u32 = 7;
/// Digits of the longest, which is 35 years.
const LONGEST: u32 = 1;
/// So many are asked for at once.
const MOST: i64 = 16;

/// Neighbouring eras of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Eras {
    digits: u32,
    numbers: RangeInclusive<i64>,
}

impl Eras {
    /// The shortest that hold these milliseconds since 1970 without being too many.
    pub(super) fn holding(times: RangeInclusive<i64>) -> Self {
        let (from, to) = times.into_inner();
        let of = |digits| Self {
            digits,
            numbers: from / length(digits)..=to / length(digits),
        };
        let shortest_first = (LONGEST..=SHORTEST).rev();
        shortest_first
            .map(of)
            .find(|eras| eras.numbers.end() - eras.numbers.start() < MOST)
            .unwrap_or_else(|| of(LONGEST))
    }

    /// The first millisecond of the first of them.
    pub(super) fn begin(&self) -> i64 {
        self.numbers.start() * length(self.digits)
    }

    /// What they are called.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let digits = self.digits;
        self.numbers.clone().map(move |number| name(number, digits))
    }
}

/// What the shortest era of a message is called, behind a word.
pub(super) fn shortest(id: MessageRowId) -> String {
    name(id.at_ms() / length(SHORTEST), SHORTEST)
}

/// Milliseconds.
const fn length(digits: u32) -> i64 {
    1 << (4 * (TIME_DIGITS - 1 - digits))
}

fn name(number: i64, digits: u32) -> String {
    let within = number % (1 << (4 * digits));
    format!("{within:0width$x}", width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30T12:00:00Z.
    const NOON: i64 = 1_796_040_000_000;
    const HOUR: i64 = 3_600_000;

    fn names(times: RangeInclusive<i64>) -> Vec<String> {
        Eras::holding(times).names().collect()
    }

    #[test]
    fn eras_are_called_by_digits_of_the_ids_in_them() {
        let id = MessageRowId::written_at(NOON).uuid().simple().to_string();
        let called = shortest(MessageRowId::written_at(NOON));
        assert_eq!(called, &id[1..8]);
        let minutes = names(NOON - HOUR / 6..=NOON);
        assert_eq!(minutes.last(), Some(&called));
        assert_eq!(minutes.len(), 10);
    }

    #[test]
    fn they_are_as_long_as_it_takes_to_hold_all_with_few() {
        let day = names(NOON - 24 * HOUR..=NOON);
        assert!(
            day.iter().all(|name| name.len() == 5) && day.len() == 6,
            "{day:?}"
        );
        let month = Eras::holding(NOON - 700 * HOUR..=NOON);
        assert!(month.names().all(|name| name.len() == 4));
        assert!(month.begin() <= NOON - 700 * HOUR);
        assert!(month.begin() > NOON - 800 * HOUR);
        assert_eq!(names(0..=NOON).len(), 2);
    }
}
