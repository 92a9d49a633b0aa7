//! JSON that is written by hand, because most of a request is a prefix that was escaped and encoded before.

use base64::Engine as _;

use crate::domain::Media;

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

/// An image's or a recording's bytes as Base64.
pub(super) fn base64(bytes: &[u8], out: &mut String) {
    base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
}

/// What stands in a request where the provider has no words for a file that is sound or a moving picture. Judges are
/// shown none that they do not take (`senses`), so this is for requests that are made by hand.
pub(super) fn not_sent(name: &str, media: &Media) -> String {
    format!("[{name} ({}) is not sent: this provider takes no such file. Its content is unknown.]\n", media.media_type)
}
