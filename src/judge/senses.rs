//! What a judge can be shown beside text: pictures in the size that its provider makes use of, sound and moving
//! pictures in the formats that the provider's interface knows. Larger pictures than a provider looks at cost time and
//! tokens and are scaled down on the other side anyway.
//!
//! Sources, as read in November 2026: OpenAI "Images and vision" (png, jpeg, webp, gif without animation; 20 MB an
//! image, 500 images and 50 MB a request; detail `high` looks at 2048 x 2048 at most; Chat Completions takes
//! `input_audio` as wav or mp3). Anthropic "Vision" (1568 pixels on the longer side; 5 MB an image as it is sent, in
//! Base64; 100 images and 32 MB a request; with more than 20 images none may be over 2000 pixels). Google "Image
//! understanding" (scaled to fit 3072 x 3072; 7 MB an image; 20 MB a request with everything inline; no gif).
//! All sizes below are of the bytes before Base64, which makes four of three.

use crate::domain::{JudgeSpec, PictureLimits, Senses};

/// Pages that a judge is shown as pictures where nothing else is configured.
const PAGES: u32 = 20;
/// 5 MB as Base64: the smallest limit of the three.
const IMAGE_BYTES: u64 = 3_750_000;

/// Provider, longer side in pixels, bytes of all pictures of one request, pictures of one request.
const PROVIDERS: &[(&str, u32, u64, u32)] = &[
    ("openai", 2_048, 24_000_000, 500),
    ("openai_responses", 2_048, 24_000_000, 500),
    ("anthropic", 1_568, 20_000_000, 100),
    ("gemini", 3_072, 12_000_000, 3_000),
];
/// Of a provider that stands in no row: what all of them take.
const OTHER: (u32, u64, u32) = (1_568, 12_000_000, 100);

const SOUND: &[(&str, &[&str])] = &[
    ("openai", &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/mpeg", "audio/mp3"]),
    (
        "gemini",
        &[
            "audio/wav",
            "audio/x-wav",
            "audio/wave",
            "audio/vnd.wave",
            "audio/mpeg",
            "audio/mp3",
            "audio/aiff",
            "audio/aac",
            "audio/ogg",
            "audio/flac",
            "audio/x-flac",
        ],
    ),
];
const MOVING: &[(&str, &[&str])] = &[(
    "gemini",
    &[
        "video/mp4",
        "video/mpeg",
        "video/quicktime",
        "video/x-msvideo",
        "video/x-flv",
        "video/webm",
        "video/x-ms-wmv",
        "video/3gpp",
    ],
)];

/// What this judge can be shown.
#[must_use]
pub fn senses(spec: &JudgeSpec) -> Senses {
    let row = PROVIDERS.iter().find(|(name, ..)| *name == spec.provider);
    let (max_px, request, max_images) = row.map_or(OTHER, |(_, px, bytes, images)| (*px, *bytes, *images));
    let configured = spec.images.unwrap_or_default();
    let pictures = spec.vision.then(|| PictureLimits {
        pages: configured.pages.unwrap_or(PAGES),
        max_px: configured.max_px.unwrap_or(max_px),
        max_bytes: IMAGE_BYTES,
        max_request_bytes: request,
        max_images,
    });
    let of = |table: &[(&str, &'static [&'static str])], takes: bool| -> &'static [&'static str] {
        let row = table.iter().find(|(name, _)| takes && *name == spec.provider);
        row.map_or(&[], |(_, types)| types)
    };
    let media = [of(SOUND, spec.audio), of(MOVING, spec.video)].concat();
    let max_media_bytes = if media.is_empty() { 0 } else { request };
    Senses { pictures, media, max_media_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageLimits, JudgeName};

    fn spec(provider: &str) -> JudgeSpec {
        JudgeSpec {
            name: JudgeName::parse("j").unwrap(),
            provider: provider.to_owned(),
            model: "m".to_owned(),
            settings: serde_json::Value::Null,
            vision: true,
            images: None,
            audio: false,
            video: false,
            max_input_chars: 1_000,
            price: None,
        }
    }

    #[test]
    fn each_provider_is_sent_pictures_in_the_size_it_looks_at_unless_another_is_configured() {
        let px = |provider| senses(&spec(provider)).pictures.unwrap().max_px;
        assert_eq!([px("openai"), px("anthropic"), px("gemini"), px("recorded")], [2_048, 1_568, 3_072, 1_568]);
        let limits = ImageLimits { pages: Some(3), max_px: Some(700) };
        let own = senses(&JudgeSpec { images: Some(limits), ..spec("gemini") }).pictures.unwrap();
        assert_eq!((own.pages, own.max_px, own.max_bytes), (3, 700, IMAGE_BYTES));
        assert_eq!(senses(&JudgeSpec { vision: false, ..spec("gemini") }), Senses::default());
    }

    #[test]
    fn sound_goes_only_where_it_is_configured_and_the_interface_knows_the_format() {
        let takes = |provider, kind: &str| senses(&JudgeSpec { audio: true, ..spec(provider) }).media.contains(&kind);
        assert!(takes("openai", "audio/mpeg") && !takes("openai", "audio/ogg") && takes("gemini", "audio/ogg"));
        assert!(!takes("anthropic", "audio/mpeg") && !takes("gemini", "video/mp4"));
        assert!(senses(&spec("openai")).media.is_empty());
        assert!(senses(&JudgeSpec { video: true, ..spec("gemini") }).media.contains(&"video/mp4"));
    }

    #[test]
    fn a_judge_from_before_there_were_senses_keeps_its_fingerprint_and_reads_its_record() {
        let old = spec("openai");
        let record = serde_json::to_value(&old).unwrap();
        assert!(record.get("audio").is_none() && record.get("images").is_none());
        let read: JudgeSpec = serde_json::from_value(record).unwrap();
        assert_eq!(read, old);
        let base = crate::domain::Fingerprint::of(&("openai", "m", serde_json::Value::Null, true, 1_000_u64));
        assert_eq!(old.fingerprint(), base);
        assert_ne!(JudgeSpec { audio: true, ..old.clone() }.fingerprint(), base);
        let images = Some(ImageLimits { pages: Some(1), max_px: None });
        assert_ne!(JudgeSpec { images, ..old }.fingerprint(), base);
    }
}
