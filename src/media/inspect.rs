//! What a file is, by its first bytes: never by what its sender calls it.

/// What is looked at of a file to tell its type.
pub const HEAD_BYTES: usize = 512;

/// The type that the first bytes of a file give away.
pub fn looks_like(head: &[u8]) -> Option<&'static str> {
    infer::get(head).map(|found| found.mime_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_a_file_is() {
        assert_eq!(
            looks_like(b"\xFF\xD8\xFF\xE0\0\x10JFIF"),
            Some("image/jpeg")
        );
        assert_eq!(looks_like(b"words"), None);
    }
}
