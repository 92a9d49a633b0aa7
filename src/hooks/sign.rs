//! Signatures as Standard Webhooks 1.0.0 has them: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one
//! for every secret that signs, with a space between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::HookSecret;

/// The value of the header `webhook-signature`.
pub fn signature<'a>(secrets: impl Iterator<Item = &'a HookSecret>, id: &str, seconds: i64, body: &str) -> String {
    let signed: Vec<String> = secrets
        .filter_map(|secret| {
            // HMAC takes a key of any length: this never leaves one out.
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.bytes()).ok()?;
            for part in [id, ".", &seconds.to_string(), ".", body] {
                mac.update(part.as_bytes());
            }
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        })
        .collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of the reference libraries' own tests.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_published_example_has_the_published_signature() {
        let secret = HookSecret::parse(SECRET).unwrap();
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = signature([&secret].into_iter(), "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn several_secrets_give_several_signatures_and_each_is_enough() {
        let secrets = [SECRET, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"].map(|text| HookSecret::parse(text).unwrap());
        let signed = signature(secrets.iter(), "id", 5, "{}");
        let each: Vec<String> = secrets.iter().map(|secret| signature([secret].into_iter(), "id", 5, "{}")).collect();
        assert_eq!(signed, each.join(" "));
    }

    proptest! {
        #[test]
        fn the_independent_library_signs_the_same(
            key in proptest::collection::vec(any::<u8>(), 24..=64), id in "[a-z0-9-]{1,40}", at in 0i64..4_000_000_000,
            body in "\\PC{0,200}",
        ) {
            let secret = HookSecret::of(key.clone()).unwrap();
            let theirs = standardwebhooks::Webhook::new(&secret.reveal()).unwrap();
            let expected = theirs.sign(&id, at, body.as_bytes()).unwrap();
            prop_assert_eq!(signature([&secret].into_iter(), &id, at, &body), expected);
        }
    }
}
