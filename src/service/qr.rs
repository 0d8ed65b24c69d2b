//! QR codes in every form that the faces show: a picture, a drawing, a text for a terminal.

use fast_qr::{
    QRBuilder, QRCode,
    convert::{Builder, Shape, svg::SvgBuilder},
};

use super::Error;
use crate::{
    domain::{clock::rfc3339, event::QrData, session::Qr},
    session,
};

/// The `data` of a `qr` event for a code that is valid.
pub fn data(qr: &Qr) -> Result<QrData, Error> {
    Ok(QrData {
        code: qr.code.clone(),
        image: session::png_data_url(&qr.code).map_err(Error::internal)?,
        expires_at: rfc3339(qr.expires_at),
        index: qr.index,
    })
}

/// A PNG.
pub fn png(code: &str) -> Result<Vec<u8>, Error> {
    session::png(code).map_err(Error::internal)
}

/// An SVG.
pub fn svg(code: &str) -> Result<String, Error> {
    Ok(SvgBuilder::default()
        .shape(Shape::Square)
        .margin(4)
        .to_str(&build(code)?))
}

/// A drawing of block characters for a terminal.
pub fn text(code: &str) -> Result<String, Error> {
    let mut text = build(code)?.to_str();
    text.push('\n');
    Ok(text)
}

fn build(code: &str) -> Result<QRCode, Error> {
    QRBuilder::new(code).build().map_err(Error::internal)
}
