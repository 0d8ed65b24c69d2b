//! What a file is, by its bytes: never by what its sender calls it.

use std::io::Cursor;

use image::{ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType};

/// What is looked at of a file to tell its type.
pub const HEAD_BYTES: usize = 512;

/// The longer side of a preview, as WhatsApp draws it.
const PREVIEW_SIDE: u32 = 72;

const PREVIEW_QUALITY: u8 = 50;

/// No picture is wider or higher than that: a small file may unfold to more than the memory holds.
const SIDE_MAX: u32 = 16_384;

/// What a decoder may take.
const DECODE_BYTES: u64 = 128 * 1024 * 1024;

/// The type that the first bytes of a file give away.
pub fn looks_like(head: &[u8]) -> Option<&'static str> {
    infer::get(head).map(|found| found.mime_type())
}

/// A picture's size and how it looks from afar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// A small JPEG.
    pub preview: Vec<u8>,
}

/// It is no picture that can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Its bytes do not decode.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// It would take too much room.
    #[error("a picture has at most {SIDE_MAX} pixels a side")]
    TooLarge,
}

impl From<image::ImageError> for PictureError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// Decodes a whole picture, which proves that it is one. Takes a processor for a while: call it where that may be.
pub fn picture(bytes: &[u8]) -> Result<Picture, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| PictureError::Damaged(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_BYTES);
    reader.limits(limits);
    let drawn = reader.decode()?;
    let (width, height) = (drawn.width(), drawn.height());
    let small = drawn
        .resize(PREVIEW_SIDE, PREVIEW_SIDE, FilterType::Triangle)
        .to_rgb8();
    let mut preview = Vec::new();
    JpegEncoder::new_with_quality(&mut preview, PREVIEW_QUALITY).encode_image(&small)?;
    Ok(Picture {
        width,
        height,
        preview,
    })
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        image::DynamicImage::new_rgb8(width, height)
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        bytes
    }

    #[test]
    fn a_picture_has_its_size_and_a_small_preview() {
        let found = picture(&png(640, 320)).unwrap();
        assert_eq!((found.width, found.height), (640, 320));
        let preview = picture(&found.preview).unwrap();
        assert_eq!((preview.width, preview.height), (72, 36));
        assert_eq!(looks_like(&found.preview), Some("image/jpeg"));
    }

    #[test]
    fn half_a_picture_is_none() {
        let whole = png(640, 320);
        let half = &whole[..whole.len() / 2];
        assert!(matches!(picture(half), Err(PictureError::Damaged(_))));
        assert!(matches!(
            picture(b"no picture"),
            Err(PictureError::Damaged(_))
        ));
    }

    #[test]
    fn a_picture_that_unfolds_to_more_than_fits_is_refused_before_it_is_drawn() {
        // A head that promises 60,000 by 60,000 pixels.
        let mut bomb = png(1, 1);
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(picture(&bomb), Err(PictureError::TooLarge)));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        };
        !bytes.iter().fold(u32::MAX, step)
    }
}
