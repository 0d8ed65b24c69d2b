//! The last mask over every line: who writes to whom is nobody's business who reads a log.
//!
//! Our own lines name sessions and messages by their ids. What libraries say may name a phone: each address of
//! WhatsApp and, in a library's line, each bare number as long as a phone's is masked before it is written.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

const SERVERS: [&str; 7] = [
    "s.whatsapp.net",
    "c.us",
    "lid",
    "g.us",
    "newsletter",
    "hosted.lid",
    "hosted",
];
/// Phone numbers have 7 to 15 digits, lids 14 or 15.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
const MASK: &str = "[masked]";

/// Makes a writer to the standard error that masks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Masked<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Masked {
            to: io::stderr(),
            bare_numbers: false,
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Masked {
            to: io::stderr(),
            // Lines that come through the `log` facade carry this target here.
            bare_numbers: !meta.target().starts_with("wharf"),
        }
    }
}

/// Writes each line masked; a line comes in one piece.
#[derive(Debug)]
pub(super) struct Masked<W> {
    to: W,
    bare_numbers: bool,
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self
                .to
                .write_all(masked(text, self.bare_numbers).as_bytes())?,
            Err(_) => self.to.write_all(b"[a line that is not text]\n")?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// `text` without addresses, and without bare numbers as long as a phone's if `bare_numbers`.
fn masked(text: &str, bare_numbers: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let digits = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        // `12345:7@lid`, `12345.1:7@lid`, `12345-167@g.us`: the user part goes on to the `@`.
        let user = from
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | '-' | '_')))
            .unwrap_or(from.len());
        let is_address = from[user..]
            .strip_prefix('@')
            .is_some_and(|server| SERVERS.iter().any(|name| server.starts_with(name)));
        let in_a_word = before
            .chars()
            .next_back()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
            || from[digits..]
                .chars()
                .next()
                .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let taken = if is_address {
            out.push_str(MASK);
            user
        } else if bare_numbers && !in_a_word && PHONE_DIGITS.contains(&digits) {
            out.push_str(MASK);
            digits
        } else {
            out.push_str(&from[..digits]);
            digits
        };
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_masked_in_every_line() {
        for (line, expected) in [
            (
                "from 4915112345678@s.whatsapp.net.",
                "from [masked]@s.whatsapp.net.",
            ),
            (
                "to 4915112345678:12@s.whatsapp.net",
                "to [masked]@s.whatsapp.net",
            ),
            ("peer 99887766554433.1:3@lid ok", "peer [masked]@lid ok"),
            ("group 4915112345678-1600000000@g.us", "group [masked]@g.us"),
        ] {
            assert_eq!(masked(line, false), expected);
        }
    }

    #[test]
    fn a_bare_number_is_masked_in_the_line_of_a_library_only() {
        assert_eq!(
            masked("retry for 4915112345678, 3 of 5", true),
            "retry for [masked], 3 of 5"
        );
        assert_eq!(masked("took 1234567 ms", false), "took 1234567 ms");
    }

    #[test]
    fn ids_times_and_ports_stay_readable() {
        let line = r#"{"timestamp":"2026-11-21T03:02:50.123456Z","session":"ses_01930000aaaa","port":8080}"#;
        assert_eq!(masked(line, true), line);
    }

    #[test]
    fn the_writer_takes_the_whole_line() {
        let mut out = Vec::new();
        let line = "x 4915112345678@lid\n";
        let mut writer = Masked {
            to: &mut out,
            bare_numbers: false,
        };
        assert_eq!(writer.write(line.as_bytes()).unwrap(), line.len());
        assert_eq!(out, b"x [masked]@lid\n");
    }
}
