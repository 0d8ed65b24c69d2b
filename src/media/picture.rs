//! What a picture shows from afar: its size and a preview, drawn while it is read.
//!
//! Owns how much memory that takes: a JPEG is drawn at an eighth and a PNG line by line, however large they are; the
//! few other forms are decoded whole, within a bound. Only so many are drawn at the same time. The verbs that send
//! pictures call it.

use std::{
    io::{self, BufRead, Seek},
    sync::LazyLock,
};

use image::{
    DynamicImage, GrayImage, ImageFormat, ImageReader, Limits, RgbImage, codecs::jpeg::JpegEncoder,
    imageops::FilterType,
};
use jpeg_decoder::{CodingProcess, Decoder as JpegDecoder, PixelFormat};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::Semaphore;

/// The longer side of a preview, as WhatsApp draws it.
const PREVIEW_SIDE: u32 = 72;

/// The longer side of what is kept of a picture while it is read; the preview is drawn from that.
const DRAFT_SIDE: u32 = 4 * PREVIEW_SIDE;

const PREVIEW_QUALITY: u8 = 50;

/// No picture is wider or higher than that: a small file may unfold to more than the memory holds.
const SIDE_MAX: u32 = 16_384;

/// What a decoder may take.
const DECODE_BYTES: usize = 128 * 1024 * 1024;

/// Pictures that are drawn at the same time.
const AT_ONCE: usize = 2;

/// Whoever wants to draw another one waits.
static DRAWING: Semaphore = Semaphore::const_new(AT_ONCE);

/// Where they are drawn, so that what a decoder does at the same time has its threads here as well.
static THREADS: LazyLock<Result<ThreadPool, ThreadPoolBuildError>> = LazyLock::new(|| {
    let threads = ThreadPoolBuilder::new().num_threads(AT_ONCE);
    threads.thread_name(|at| format!("draw-{at}")).build()
});

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
    /// The process ends.
    #[error("nothing is drawn any more")]
    Ending,
    /// The system gives no threads to draw in.
    #[error("nothing can be drawn: {0}")]
    Threads(&'static ThreadPoolBuildError),
}

fn damaged(error: impl ToString) -> PictureError {
    PictureError::Damaged(error.to_string())
}

impl From<image::ImageError> for PictureError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            other => damaged(other),
        }
    }
}

impl From<png::DecodingError> for PictureError {
    fn from(error: png::DecodingError) -> Self {
        match error {
            png::DecodingError::LimitsExceeded => Self::TooLarge,
            other => damaged(other),
        }
    }
}

impl From<jpeg_decoder::Error> for PictureError {
    fn from(error: jpeg_decoder::Error) -> Self {
        damaged(error)
    }
}

impl From<io::Error> for PictureError {
    fn from(error: io::Error) -> Self {
        damaged(error)
    }
}

/// Draws a picture where that holds nobody up, when its turn comes.
pub async fn look(file: impl BufRead + Seek + Send + 'static) -> Result<Picture, PictureError> {
    let turn = DRAWING.acquire().await.map_err(|_| PictureError::Ending)?;
    let drawing = || match &*THREADS {
        Ok(threads) => threads.install(|| draw(file)),
        Err(error) => Err(PictureError::Threads(error)),
    };
    let drawn = tokio::task::spawn_blocking(drawing).await;
    drop(turn);
    drawn.unwrap_or_else(|error| match error.try_into_panic() {
        // A decoder that loses its footing was given no picture.
        Ok(_) => Err(damaged("it cannot be decoded")),
        Err(_) => Err(PictureError::Ending),
    })
}

/// Decodes a whole picture, which proves that it is one.
fn draw(mut file: impl BufRead + Seek) -> Result<Picture, PictureError> {
    let reader = ImageReader::new(&mut file).with_guessed_format()?;
    let format = reader.format();
    file.rewind()?;
    let draft = match format {
        Some(ImageFormat::Jpeg) => jpeg(&mut file)?,
        Some(ImageFormat::Png) => png(&mut file)?,
        _ => None,
    };
    let ((width, height), draft) = if let Some(drawn) = draft {
        drawn
    } else {
        file.rewind()?;
        let drawn = whole(file)?;
        ((drawn.width(), drawn.height()), drawn)
    };
    let small = draft
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

fn check_sides(width: u32, height: u32) -> Result<(), PictureError> {
    if width.max(height) > SIDE_MAX {
        return Err(PictureError::TooLarge);
    }
    Ok(())
}

/// A draft and the size of what it was drawn from.
type Draft = ((u32, u32), DynamicImage);

/// Drawn at an eighth or more; none of what is not stored from top to bottom, or not for screens.
fn jpeg(file: impl BufRead) -> Result<Option<Draft>, PictureError> {
    let mut decoder = JpegDecoder::new(file);
    decoder.set_max_decoding_buffer_size(DECODE_BYTES);
    decoder.read_info()?;
    let info = decoder.info().ok_or_else(|| damaged("it has no head"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check_sides(width, height)?;
    let is_gray = match info.pixel_format {
        PixelFormat::L8 => true,
        PixelFormat::RGB24 => false,
        PixelFormat::L16 | PixelFormat::CMYK32 => return Ok(None),
    };
    if info.coding_process != CodingProcess::DctSequential {
        return Ok(None);
    }
    let side = u16::try_from(DRAFT_SIDE).unwrap_or(u16::MAX);
    let (across, down) = decoder.scale(side, side)?;
    let pixels = decoder.decode()?;
    let (across, down) = (across.into(), down.into());
    let drawn = if is_gray {
        GrayImage::from_raw(across, down, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(across, down, pixels).map(DynamicImage::from)
    };
    let drawn = drawn.ok_or_else(|| damaged("it ends too early"))?;
    Ok(Some(((width, height), drawn)))
}

/// Each point of the draft is the mean of a square; none of what is stored in several passes.
fn png(file: impl BufRead + Seek) -> Result<Option<Draft>, PictureError> {
    let limits = png::Limits {
        bytes: DECODE_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(file, limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_sides(width, height)?;
    if reader.info().interlaced {
        return Ok(None);
    }
    let samples = reader.output_color_type().0.samples();
    let step = width.max(height).div_ceil(DRAFT_SIDE).max(1);
    let across = width.div_ceil(step);
    let mut sums = vec![Sum::default(); usize::try_from(across).unwrap_or(0)];
    let mut pixels = Vec::new();
    for line in 1..=height {
        let row = reader.next_row()?;
        let row = row.ok_or_else(|| damaged("it ends too early"))?;
        let squares = row.data().chunks(samples * step as usize);
        for (sum, square) in sums.iter_mut().zip(squares) {
            square.chunks_exact(samples).for_each(|dot| sum.add(dot));
        }
        if line % step == 0 || line == height {
            for sum in &mut sums {
                pixels.extend(std::mem::take(sum).mean());
            }
        }
    }
    reader.finish()?;
    let drawn = RgbImage::from_raw(across, height.div_ceil(step), pixels);
    let drawn = drawn.ok_or_else(|| damaged("it ends too early"))?;
    Ok(Some(((width, height), drawn.into())))
}

/// The colours of a square, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    colours: [u32; 3],
    dots: u32,
}

impl Sum {
    /// One or two samples are gray, more are red, green and blue; what comes after them says how opaque it is.
    fn add(&mut self, dot: &[u8]) {
        let colours = match *dot {
            [gray] | [gray, _] => [gray; 3],
            [red, green, blue, ..] => [red, green, blue],
            [] => return,
        };
        for (sum, colour) in self.colours.iter_mut().zip(colours) {
            *sum += u32::from(colour);
        }
        self.dots += 1;
    }

    fn mean(self) -> [u8; 3] {
        let dots = self.dots.max(1);
        self.colours
            .map(|sum| u8::try_from(sum / dots).unwrap_or(u8::MAX))
    }
}

fn whole(file: impl BufRead + Seek) -> Result<DynamicImage, PictureError> {
    let mut reader = ImageReader::new(file).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_BYTES as u64);
    reader.limits(limits);
    Ok(reader.decode()?)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Left half red, right half blue.
    fn flag(width: u32, height: u32) -> DynamicImage {
        let image = RgbImage::from_fn(width, height, |x, _| {
            image::Rgb(if x < width / 2 {
                [250, 0, 0]
            } else {
                [0, 0, 250]
            })
        });
        image.into()
    }

    fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    }

    fn drawn(bytes: &[u8]) -> Result<Picture, PictureError> {
        draw(Cursor::new(bytes))
    }

    #[test]
    fn a_picture_of_any_form_has_its_size_and_a_small_preview_that_looks_like_it() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::WebP,
            ImageFormat::Gif,
        ] {
            for (width, height) in [(1301, 650), (640, 320), (36, 18)] {
                let found = drawn(&written(&flag(width, height), format)).unwrap();
                assert_eq!((found.width, found.height), (width, height));
                let preview = image::load_from_memory(&found.preview).unwrap().to_rgb8();
                assert_eq!(preview.dimensions(), (72, 36), "{format:?} {width}");
                let [left, right] = [9, 63].map(|x| preview.get_pixel(x, 18).0);
                assert!(
                    left[0] > 200 && left[2] < 60,
                    "{format:?} {width}: {left:?}"
                );
                assert!(
                    right[2] > 200 && right[0] < 60,
                    "{format:?} {width}: {right:?}"
                );
            }
        }
    }

    #[test]
    fn gray_and_transparent_pictures_are_drawn_too() {
        let gray = DynamicImage::from(GrayImage::from_pixel(300, 300, image::Luma([128])));
        let through = DynamicImage::from(flag(300, 300).to_rgba8());
        let deep = DynamicImage::from(flag(300, 300).to_rgb16());
        let both = [ImageFormat::Png, ImageFormat::Jpeg];
        let all = both.map(|format| written(&gray, format)).into_iter();
        let all = all.chain([&through, &deep].map(|image| written(image, ImageFormat::Png)));
        for bytes in all {
            assert_eq!(drawn(&bytes).unwrap().width, 300);
        }
    }

    #[test]
    fn half_a_picture_is_none() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = written(&flag(640, 320), format);
            let half = drawn(&whole[..whole.len() / 2]);
            assert!(matches!(half, Err(PictureError::Damaged(_))), "{format:?}");
        }
        assert!(matches!(
            drawn(b"no picture"),
            Err(PictureError::Damaged(_))
        ));
    }

    #[test]
    fn a_picture_that_unfolds_to_more_than_fits_is_refused_before_it_is_drawn() {
        // A head that promises 60,000 by 60,000 pixels.
        let mut bomb = written(&flag(1, 1), ImageFormat::Png);
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(drawn(&bomb), Err(PictureError::TooLarge)));
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
