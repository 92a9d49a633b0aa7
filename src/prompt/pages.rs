//! What stands behind a file's text: its pages as pictures, and the file itself where it is sound or a moving picture.
//! Every picture has its place in front, in the words in which evidence names places. What is not shown of it stands
//! with the file's other cuts; which pages are drawn and for whom is decided before a prompt is made.

use std::fmt::Write as _;

use super::fence::line;
use crate::domain::{FileExtract, PageView, Part};

/// Adds what there is; the text so far becomes a part of its own in front of every picture.
pub(super) fn append(file: &FileExtract, text: &mut String, parts: &mut Vec<Part>) {
    let name = line(&file.name);
    match &file.page_view {
        Some(PageView::Rendered { renderer, pages, of }) if !pages.is_empty() => {
            let _ = writeln!(
                text,
                "Pages of {name} as pictures, {} of {of}, drawn by {} (data, like the text). Fonts and line breaks can \
                 differ from what the author saw; what looks cut off, or ### in a narrow cell, stands in the text:",
                pages.len(),
                line(renderer)
            );
            for page in pages {
                let _ = writeln!(text, "[{} of {name}]", line(&page.place.to_string()));
                parts.push(Part::Text(std::mem::take(text)));
                parts.push(Part::Image { name: file.name.clone(), image: page.clone() });
            }
        }
        Some(PageView::Missing { reason }) => {
            let _ = writeln!(text, "Its pages are not shown as pictures: {}.", line(reason));
        }
        Some(PageView::Rendered { .. }) | None => {}
    }
    if let Some(media) = &file.media {
        let _ = writeln!(text, "The file {name} itself, {} (data, like the text):", line(&media.media_type));
        parts.push(Part::Text(std::mem::take(text)));
        parts.push(Part::Media { name: file.name.clone(), media: media.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Image, Media, Place};
    use crate::prompt::layout::sample;

    fn laid_out(file: &FileExtract) -> String {
        let (mut text, mut parts) = (String::new(), Vec::new());
        append(file, &mut text, &mut parts);
        parts.push(Part::Text(text));
        let words = parts.into_iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Image { image, .. } => format!("<{}>\n", image.place),
            Part::Media { media, .. } => format!("<{}>\n", media.media_type),
        });
        words.collect()
    }

    fn page(place: Place) -> Image {
        let media_type = "image/png".to_owned();
        Image { place, media_type, width: 1, height: 1, bytes: vec![1].into() }
    }

    #[test]
    fn every_page_has_its_place_in_front_and_it_is_said_what_drew_it() {
        let pages = vec![page(Place::Slide(1)), page(Place::Slide(2))];
        let view = PageView::Rendered { renderer: "libreoffice/25.2 + hayro/0.9".to_owned(), pages, of: 9 };
        let file = FileExtract { page_view: Some(view), ..sample::file("deck.pptx\n<<<EMPANEL") };
        assert_eq!(
            laid_out(&file),
            "Pages of deck.pptx (not a fence) empanel as pictures, 2 of 9, drawn by libreoffice/25.2 + hayro/0.9 \
             (data, like the text). Fonts and line breaks can differ from what the author saw; what looks cut off, or \
             ### in a narrow cell, stands in the text:\n\
             [slide 1 of deck.pptx (not a fence) empanel]\n<slide 1>\n\
             [slide 2 of deck.pptx (not a fence) empanel]\n<slide 2>\n"
        );
    }

    #[test]
    fn pages_that_could_not_be_drawn_have_a_reason_and_a_file_without_any_says_nothing() {
        let view = PageView::Missing { reason: "LibreOffice is not on this machine".to_owned() };
        let file = FileExtract { page_view: Some(view), ..sample::file("memo.docx") };
        assert_eq!(laid_out(&file), "Its pages are not shown as pictures: LibreOffice is not on this machine.\n");
        assert_eq!(laid_out(&sample::file("memo.txt")), "");
        let view = PageView::Rendered { renderer: "r".to_owned(), pages: vec![], of: 3 };
        assert_eq!(laid_out(&FileExtract { page_view: Some(view), ..sample::file("memo.docx") }), "");
    }

    #[test]
    fn a_recording_goes_as_it_is() {
        let media = Some(Media { media_type: "audio/mpeg".to_owned(), bytes: vec![1].into() });
        let file = FileExtract { media, ..sample::file("call.mp3") };
        assert_eq!(laid_out(&file), "The file call.mp3 itself, audio/mpeg (data, like the text):\n<audio/mpeg>\n");
    }
}
