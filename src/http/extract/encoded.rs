//! A file inside a JSON body, as base64.

use axum::body::Bytes;
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Characters of base64 that are decoded at once; four make three bytes.
const PIECE: usize = 64 * 1024;

/// What a data URL says it holds, and the base64 of that; other text is base64 itself.
pub(in crate::http) fn data_url(text: &str) -> (Option<String>, &str) {
    let split = text
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    split.map_or((None, text), |(said, base64)| {
        (Some(said.to_owned()), base64)
    })
}

/// The bytes of base64, piece by piece.
pub(in crate::http) fn decoded(base64: &str) -> impl Iterator<Item = Result<Bytes, &'static str>> {
    base64.as_bytes().chunks(PIECE).map(|piece| {
        let bytes = BASE64_STANDARD.decode(piece);
        bytes.map(Bytes::from).map_err(|_| "this is no base64")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_piece_by_piece() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let base64 = BASE64_STANDARD.encode(&bytes);
        let pieces: Vec<Bytes> = decoded(&base64).map(Result::unwrap).collect();
        assert!(pieces.len() > 1);
        assert_eq!(pieces.concat(), bytes);
        assert!(decoded("no base64!").any(|piece| piece.is_err()));
    }

    #[test]
    fn a_data_url_says_what_it_is() {
        let (said, base64) = data_url("data:image/png;base64,AAAA");
        assert_eq!((said.as_deref(), base64), (Some("image/png"), "AAAA"));
        assert_eq!(data_url("AAAA"), (None, "AAAA"));
    }
}
