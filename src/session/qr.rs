//! The QR code as a picture.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fast_qr::QRBuilder;

/// Pixels to a module; a phone reads it from a screen at arm's length.
const SCALE: usize = 6;
/// Light modules around the code; scanners want four.
const QUIET: usize = 4;

/// A text that does not fit a QR code, or could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// It is too long.
    #[error("the text does not fit a QR code")]
    TooLong,
    /// The PNG encoder refused.
    #[error("the picture could not be made")]
    Png(#[from] png::EncodingError),
}

/// `code` as a PNG, one bit to a pixel.
pub fn png(code: &str) -> Result<Vec<u8>, QrError> {
    let qr = QRBuilder::new(code).build().map_err(|_| QrError::TooLong)?;
    let modules = qr.size;
    let side = (modules + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);
    // 1 is white.
    let mut pixels = vec![0xFF_u8; row_bytes * side];
    for y in 0..side {
        for x in 0..side {
            let (row, column) = (
                (y / SCALE).wrapping_sub(QUIET),
                (x / SCALE).wrapping_sub(QUIET),
            );
            if row < modules && column < modules && qr[row][column].value() {
                pixels[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut out = Vec::with_capacity(1024);
    let width = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut out, width, width);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(out)
}

/// `code` as a `data:` URL of a PNG.
pub fn png_data_url(code: &str) -> Result<String, QrError> {
    Ok(format!(
        "data:image/png;base64,{}",
        STANDARD.encode(png(code)?)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_becomes_a_png_with_a_quiet_zone() {
        let bytes = png("2@abc,def").unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels[0], 0xFF, "the corner is light");
        assert!(
            pixels.iter().any(|byte| *byte != 0xFF),
            "something is drawn"
        );
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        assert!(matches!(png(&"x".repeat(10_000)), Err(QrError::TooLong)));
    }
}
