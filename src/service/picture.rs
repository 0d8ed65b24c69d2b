//! The pictures of people and groups.
//!
//! Owns what WhatsApp takes as one. The verbs of the profile and of groups call it.

use std::io::Cursor;

use bytes::Bytes;

use super::{Error, Fault};
use crate::media::{inspect, picture};

/// WhatsApp shows pictures of 640 by 640 points.
const MAX_BYTES: usize = 512 * 1024;

/// Gives back `jpeg`, if it is a whole JPEG of a sensible size.
pub(super) async fn check_picture(pointer: &str, jpeg: Vec<u8>) -> Result<Vec<u8>, Error> {
    let fault = |detail: String| Error::Invalid {
        code: "invalid_image",
        faults: vec![Fault::new(pointer, detail)],
    };
    if jpeg.len() > MAX_BYTES {
        return Err(fault("a picture has at most 512 KiB".to_owned()));
    }
    if inspect::looks_like(&jpeg) != Some("image/jpeg") {
        return Err(fault("a picture is a JPEG".to_owned()));
    }
    let jpeg = Bytes::from(jpeg);
    let drawn = picture::look(Cursor::new(jpeg.clone())).await;
    drawn.map_err(|error| fault(error.to_string()))?;
    Ok(jpeg.into())
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};

    use super::*;

    fn drawn(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        DynamicImage::new_rgb8(64, 64)
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_picture_is_a_whole_jpeg_of_a_sensible_size() {
        let whole = drawn(ImageFormat::Jpeg);
        let taken = check_picture("/base64", whole.clone()).await.unwrap();
        assert_eq!(taken, whole);
        let half = whole[..whole.len() / 2].to_vec();
        let mut large = whole;
        large.resize(600 * 1024, 0);
        for bad in [half, large, drawn(ImageFormat::Png), Vec::new()] {
            assert!(check_picture("/base64", bad).await.is_err());
        }
    }
}
