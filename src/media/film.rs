//! What the head of an MP4 film says: how large it is, and how long.
//!
//! Nothing of the film itself is decoded. What does not fit together says nothing.

/// The longest head that is read.
pub const HEAD_MAX: u64 = 8 * 1024 * 1024;

/// What tells the kind of a box and where the next one is.
pub const BOX_HEAD: u64 = 16;

/// Boxes in a box that are looked at.
const BOXES: usize = 256;

/// Of a film.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Film {
    /// How long it is, rounded up.
    pub seconds: Option<u32>,
    /// Pixels, as it is shown: width and height.
    pub size: Option<(u32, u32)>,
}

/// The head of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whether it is the one that describes the film.
    pub describes: bool,
    /// Where its content begins, from its own beginning.
    pub content: u64,
    /// Where the next one begins, from its own beginning; none for the last.
    pub next: Option<u64>,
}

/// Reads the head of the box that `bytes` begin with.
pub fn head(bytes: &[u8]) -> Option<Head> {
    let (kind, content, next) = split(bytes)?;
    Some(Head {
        describes: kind == *b"moov",
        content,
        next,
    })
}

/// Reads the content of the box that describes a film.
pub fn read(moov: &[u8]) -> Film {
    let mut film = Film::default();
    for (kind, content) in boxes(moov) {
        match &kind {
            b"mvhd" => film.seconds = duration(content),
            b"trak" if film.size.is_none() => {
                let mut inner = boxes(content);
                let track = inner.find(|(kind, _)| kind == b"tkhd");
                film.size = track.and_then(|(_, content)| shown(content));
            }
            _ => {}
        }
    }
    film
}

fn split(bytes: &[u8]) -> Option<([u8; 4], u64, Option<u64>)> {
    let size = number(bytes, 0)?;
    let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    match size {
        0 => Some((kind, 8, None)),
        1 => {
            let size = long(bytes, 8).filter(|size| *size >= 16)?;
            Some((kind, 16, Some(size)))
        }
        2..8 => None,
        size => Some((kind, 8, Some(size.into()))),
    }
}

fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    let next = move || {
        let (kind, content, next) = split(rest)?;
        let whole = rest.len();
        let end = next.map_or(whole, |next| usize::try_from(next).unwrap_or(whole));
        let end = end.min(whole);
        let content = rest.get(usize::try_from(content).ok()?..end)?;
        rest = &rest[end..];
        Some((kind, content))
    };
    std::iter::from_fn(next).take(BOXES)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_be_bytes(eight.try_into().ok()?))
}

fn duration(content: &[u8]) -> Option<u32> {
    let (scale, long) = match content.first()? {
        0 => (number(content, 12)?, u64::from(number(content, 16)?)),
        _ => (number(content, 20)?, long(content, 24)?),
    };
    let seconds = long.checked_add(u64::from(scale))?.checked_sub(1)?;
    let seconds = seconds.checked_div(u64::from(scale))?;
    u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

/// A film that was taken upright says that it is turned by a quarter.
fn shown(content: &[u8]) -> Option<(u32, u32)> {
    let (matrix, size) = match content.first()? {
        0 => (40, 76),
        _ => (52, 88),
    };
    let pixels = |at| number(content, at).map(|fixed| fixed >> 16);
    let (width, height) = (pixels(size)?, pixels(size + 4)?);
    if width == 0 || height == 0 {
        return None;
    }
    let is_turned = number(content, matrix)? == 0 && number(content, matrix + 16)? == 0;
    Some(if is_turned {
        (height, width)
    } else {
        (width, height)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], &kind, content].concat()
    }

    fn track(width: u32, height: u32, turned: bool) -> Vec<u8> {
        let mut tkhd = vec![0; 84];
        let one = 0x0001_0000_u32.to_be_bytes();
        let places = if turned { [44, 52] } else { [40, 56] };
        for at in places {
            tkhd[at..at + 4].copy_from_slice(&one);
        }
        tkhd[76..80].copy_from_slice(&(width << 16).to_be_bytes());
        tkhd[80..84].copy_from_slice(&(height << 16).to_be_bytes());
        boxed(*b"trak", &boxed(*b"tkhd", &tkhd))
    }

    fn movie(scale: u32, duration: u32) -> Vec<u8> {
        let mut mvhd = vec![0; 100];
        mvhd[12..16].copy_from_slice(&scale.to_be_bytes());
        mvhd[16..20].copy_from_slice(&duration.to_be_bytes());
        boxed(*b"mvhd", &mvhd)
    }

    #[test]
    fn a_film_says_how_long_and_how_large_it_is_and_whether_it_is_turned() {
        let sound = track(0, 0, false);
        let moov = [movie(1000, 2500), sound, track(640, 360, false)].concat();
        let film = read(&moov);
        assert_eq!((film.seconds, film.size), (Some(3), Some((640, 360))));
        let upright = [movie(0, 2500), track(640, 360, true)].concat();
        let film = read(&upright);
        assert_eq!((film.seconds, film.size), (None, Some((360, 640))));
    }

    #[test]
    fn what_does_not_fit_together_says_nothing_and_ends() {
        let moov = [movie(1000, 2500), track(640, 360, false)].concat();
        for cut in 0..moov.len() {
            read(&moov[..cut]);
        }
        assert_eq!(read(&[0; 64]), Film::default());
        assert_eq!(read(&[0xFF; 64]), Film::default());
        assert_eq!(head(&[0, 0, 0, 3, b'm', b'o', b'o', b'v']), None);
        let last = head(&[0, 0, 0, 0, b'm', b'd', b'a', b't']).unwrap();
        assert_eq!((last.describes, last.next), (false, None));
        let long = [&[0, 0, 0, 1][..], b"mdat", &u64::MAX.to_be_bytes()].concat();
        assert_eq!(head(&long).unwrap().next, Some(u64::MAX));
    }
}
