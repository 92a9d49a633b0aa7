//! JSON that is written by hand, because most of a request is a prefix that was escaped and encoded before.

use base64::Engine as _;

use crate::domain::Image;

/// What stands behind the question when a reply could not be used.
pub(super) fn correction_text(correction: &str) -> String {
    format!(
        "\n\nYour previous reply could not be used: {correction}\nReply again, with one JSON object in the form \
         described above and nothing else."
    )
}

/// The text as the inside of a JSON string.
pub(super) fn escape(text: &str, out: &mut String) {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    out.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
}

/// `"key":"text"`, behind a comma if something stands before it.
pub(super) fn text_part(open: &str, text: &str, close: &str, out: &mut String) {
    out.push_str(open);
    escape(text, out);
    out.push_str(close);
}

/// The image's bytes as Base64.
pub(super) fn base64(image: &Image, out: &mut String) {
    base64::engine::general_purpose::STANDARD.encode_string(&image.bytes, out);
}
