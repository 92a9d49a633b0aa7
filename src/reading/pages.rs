//! Pages as a person sees them: a pdf is drawn as it is, an Office file by way of LibreOffice, a picture is its own
//! only page. Drawing happens on threads that may block, few at a time; what was drawn is kept in memory, within
//! bounds, by the hash of the file's bytes, so that a file is drawn once for all judges and for the people who look
//! at it. Two who want the same file at once draw it once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::office::{Office, OfficeKind};
use super::pictures;
use super::pool::Pool;
use super::turns::Turns;
use super::wire::{Reply, Request};
use crate::document::{Limits, RenderedPages};
use crate::domain::{Image, Place};

/// Kept pages, in bytes of their pictures, and kept pdfs of Office files.
const PAGES_KEPT: usize = 96 << 20;
const PDFS_KEPT: usize = 64 << 20;
/// For how long a file that LibreOffice failed on is not tried again.
const FAILED_FOR: Duration = Duration::from_secs(300);

/// Draws pages of a pdf: its bytes, the pages (from 1, the end not included; none to count them only), pixels of the
/// longer side.
pub type Render = fn(&[u8], Range<u32>, u32, &Limits) -> Result<RenderedPages, String>;

/// Where pages of a pdf are drawn.
#[derive(Debug, Clone)]
pub(super) enum Drawer {
    /// In this process, on a thread that may block.
    Here(Render),
    /// In a worker process.
    Worker(Arc<Pool>),
}

/// Pages of a file as pictures.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What drew them: `hayro/0.9`, `libreoffice/25.2 + hayro/0.9`.
    pub renderer: String,
    /// Those that were asked for and exist, in order.
    pub pages: Vec<Image>,
    pub of: u32,
}

/// A file whose pages are wanted.
#[derive(Debug, Clone)]
pub struct Sheaf {
    /// As its content tells.
    pub media_type: String,
    /// Lower-case hex.
    pub sha256: String,
    pub bytes: Bytes,
}

/// How a file's pages come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Pdf,
    Office(OfficeKind),
    Picture,
}

fn way(media_type: &str) -> Option<Way> {
    match media_type {
        "application/pdf" => Some(Way::Pdf),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" => Some(Way::Picture),
        other => OfficeKind::of(other).map(Way::Office),
    }
}

/// Whether a file of this kind has pages that can be drawn (pictures count as one page).
#[must_use]
pub fn has_pages(media_type: &str) -> bool {
    way(media_type).is_some()
}

/// Whether it has pages and is no picture: judges that see are shown pictures anyway.
pub(super) fn is_paged(media_type: &str) -> bool {
    way(media_type).is_some_and(|way| way != Way::Picture)
}

/// A file's hash, the pixels of its pages' longer side, and the page.
type Leaf = (String, u32, u32);

#[derive(Debug)]
pub struct Pages {
    office: Office,
    drawer: Drawer,
    limits: Limits,
    drawing: Semaphore,
    pages: Mutex<Kept<Leaf, Image>>,
    /// Pages that a file has and what draws it.
    counts: Mutex<Kept<String, (u32, String)>>,
    pdfs: Mutex<Kept<String, Pdf>>,
    turns: Turns,
}

/// What LibreOffice made of a file, or why nothing and since when.
#[derive(Debug, Clone)]
enum Pdf {
    Made { pdf: Bytes, by: String },
    Failed { reason: String, at: Instant },
}

impl Pages {
    pub(super) fn new(office: Office, drawer: Drawer, limits: Limits) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            office,
            drawer,
            limits,
            drawing: Semaphore::new(threads),
            pages: Mutex::new(Kept::new(PAGES_KEPT)),
            counts: Mutex::new(Kept::new(1 << 20)),
            pdfs: Mutex::new(Kept::new(PDFS_KEPT)),
            turns: Turns::default(),
        }
    }

    /// Draws pages, from 1, the end not included; an empty range only counts.
    ///
    /// # Errors
    /// Why they cannot be drawn, in words.
    pub async fn draw(&self, file: &Sheaf, wanted: Range<u32>, max_px: u32) -> Result<Drawn, String> {
        let Some(way) = way(&file.media_type) else {
            return Err(format!("a file of the kind {} has no pages that are drawn", file.media_type));
        };
        let lock = self.turns.of(&file.sha256);
        let _alone = lock.lock().await;
        if let Some(drawn) = self.kept(&file.sha256, &wanted, max_px) {
            return Ok(drawn);
        }
        let (pdf, by) = match way {
            Way::Pdf => (file.bytes.clone(), None),
            Way::Office(kind) => {
                let (pdf, by) = self.converted(file, kind).await?;
                (pdf, Some(by))
            }
            Way::Picture => return self.picture(file, &wanted, max_px).await,
        };
        let rendered = self.render(pdf, wanted.clone(), max_px).await?;
        let renderer = match by {
            Some(by) => format!("{by} + {}", rendered.renderer),
            None => rendered.renderer,
        };
        let slides = matches!(way, Way::Office(OfficeKind::Slides(_)));
        let mut pages = rendered.pages;
        for (number, page) in wanted.zip(&mut pages) {
            page.place = if slides { Place::Slide(number) } else { Place::Page(number) };
            let key = (file.sha256.clone(), max_px, number);
            locked(&self.pages).put(key, page.clone(), page.bytes.len());
        }
        locked(&self.counts).put(file.sha256.clone(), (rendered.of, renderer.clone()), 200);
        Ok(Drawn { renderer, pages, of: rendered.of })
    }

    async fn render(&self, pdf: Bytes, wanted: Range<u32>, max_px: u32) -> Result<RenderedPages, String> {
        let limits = self.limits.clone();
        match &self.drawer {
            Drawer::Here(render) => {
                let render = *render;
                self.blocking(move || render(&pdf, wanted, max_px, &limits)).await
            }
            Drawer::Worker(pool) => {
                let (first, end) = (wanted.start, wanted.end);
                let request = Request::Draw { bytes: pdf.to_vec(), first, end, max_px, limits };
                match pool.ask(&request).await {
                    Ok(Reply::Drawn { renderer, pages, of }) => Ok(RenderedPages { renderer, pages, of }),
                    Ok(Reply::Failed(reason)) => Err(reason),
                    Ok(Reply::Read(_)) => Err("a worker answered another question".to_owned()),
                    Err(fate) => Err(fate.reason(pool.limits())),
                }
            }
        }
    }

    async fn picture(&self, file: &Sheaf, wanted: &Range<u32>, max_px: u32) -> Result<Drawn, String> {
        let renderer = "the picture itself".to_owned();
        if !wanted.contains(&1) {
            return Ok(Drawn { renderer, pages: vec![], of: 1 });
        }
        let file = file.clone();
        let page = self
            .blocking(move || {
                // Its real size is read with its pixels.
                let (width, height, bytes) = (u32::MAX, u32::MAX, Arc::from(file.bytes.as_ref()));
                let image = Image { place: Place::Whole, media_type: file.media_type, width, height, bytes };
                pictures::png(&image, max_px)
            })
            .await?;
        Ok(Drawn { renderer, pages: vec![page], of: 1 })
    }

    async fn converted(&self, file: &Sheaf, kind: OfficeKind) -> Result<(Bytes, String), String> {
        match locked(&self.pdfs).get(&file.sha256) {
            Some(Pdf::Made { pdf, by }) => return Ok((pdf, by)),
            Some(Pdf::Failed { reason, at }) if at.elapsed() < FAILED_FOR => return Err(reason),
            _ => {}
        }
        match self.office.to_pdf(&file.bytes, kind).await {
            Ok(made) => {
                let (pdf, by) = (Bytes::from(made.pdf), made.by);
                let kept = Pdf::Made { pdf: pdf.clone(), by: by.clone() };
                locked(&self.pdfs).put(file.sha256.clone(), kept, pdf.len());
                Ok((pdf, by))
            }
            Err(failed) => {
                if !failed.absent {
                    let kept = Pdf::Failed { reason: failed.reason.clone(), at: Instant::now() };
                    locked(&self.pdfs).put(file.sha256.clone(), kept, failed.reason.len());
                }
                Err(failed.reason)
            }
        }
    }

    /// Runs on a thread that may block, when there is one free.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let Ok(_slot) = self.drawing.acquire().await else {
            return Err("the service is stopping".to_owned());
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(_) => Err("the file is damaged in a way that breaks drawing it".to_owned()),
        }
    }

    fn kept(&self, sha256: &str, wanted: &Range<u32>, max_px: u32) -> Option<Drawn> {
        let (of, renderer) = locked(&self.counts).get(&sha256.to_owned())?;
        let mut kept = locked(&self.pages);
        let existing = wanted.start..wanted.end.min(of + 1);
        let pages = existing.map(|number| kept.get(&(sha256.to_owned(), max_px, number)));
        Some(Drawn { renderer, pages: pages.collect::<Option<Vec<_>>>()?, of })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Values within a bound of bytes; what was not used for longest goes first.
#[derive(Debug)]
struct Kept<K, V> {
    most: usize,
    bytes: usize,
    tick: u64,
    entries: HashMap<K, (V, usize, u64)>,
}

impl<K: std::hash::Hash + Eq + Clone, V: Clone> Kept<K, V> {
    fn new(most: usize) -> Self {
        Self { most, bytes: 0, tick: 0, entries: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        entry.2 = self.tick;
        Some(entry.0.clone())
    }

    fn put(&mut self, key: K, value: V, bytes: usize) {
        if bytes > self.most {
            return;
        }
        self.tick += 1;
        if let Some((_, replaced, _)) = self.entries.insert(key, (value, bytes, self.tick)) {
            self.bytes -= replaced;
        }
        self.bytes += bytes;
        while self.bytes > self.most {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.2).map(|(key, _)| key.clone());
            let Some((_, gone, _)) = oldest.and_then(|key| self.entries.remove(&key)) else { break };
            self.bytes -= gone;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use image::{DynamicImage, ImageFormat};

    use super::*;
    use crate::reading::office::{OfficeLimits, OfficeProgram};

    /// Draws files of the form `pages=N name`: each page is as wide as its number.
    pub fn fake_render(bytes: &[u8], wanted: Range<u32>, max_px: u32, _: &Limits) -> Result<RenderedPages, String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let of: u32 = text
            .split(['=', ' '])
            .nth(1)
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| "the pdf is damaged".to_owned())?;
        let page = |n: u32| pictures::tests::of(&DynamicImage::new_luma8(n.min(max_px), 1), ImageFormat::Png);
        let pages = (wanted.start..wanted.end.min(of + 1)).map(page).collect();
        Ok(RenderedPages { renderer: "fake/1".to_owned(), pages, of })
    }

    pub fn pages(render: Render) -> Pages {
        let office = Office::new(OfficeProgram::Off, OfficeLimits::default());
        Pages::new(office, Drawer::Here(render), Limits::default())
    }

    pub fn pdf(name: &str, of: u32) -> Sheaf {
        let bytes = Bytes::from(format!("pages={of} {name}"));
        Sheaf { media_type: "application/pdf".to_owned(), sha256: format!("hash of {name}"), bytes }
    }

    #[tokio::test]
    async fn pages_are_drawn_in_order_and_no_more_than_there_are() {
        let pages = pages(fake_render);
        let drawn = pages.draw(&pdf("a", 5), 2..9, 100).await.unwrap();
        assert_eq!((drawn.of, drawn.renderer.as_str()), (5, "fake/1"));
        let places: Vec<String> = drawn.pages.iter().map(|page| page.place.to_string()).collect();
        assert_eq!(places, ["page 2", "page 3", "page 4", "page 5"]);
        let none = pages.draw(&pdf("a", 5), 6..7, 100).await.unwrap();
        assert_eq!((none.pages.len(), none.of), (0, 5));
    }

    #[tokio::test]
    async fn a_page_is_drawn_once_for_each_size_whoever_asks() {
        static DRAWN: AtomicU32 = AtomicU32::new(0);
        fn counting(bytes: &[u8], wanted: Range<u32>, px: u32, limits: &Limits) -> Result<RenderedPages, String> {
            DRAWN.fetch_add(1, Ordering::SeqCst);
            fake_render(bytes, wanted, px, limits)
        }
        let pages = pages(counting);
        let file = pdf("a", 5);
        let all = (0..8).map(|_| pages.draw(&file, 1..4, 100));
        for drawn in futures_util::future::join_all(all).await {
            assert_eq!(drawn.unwrap().pages.len(), 3);
        }
        assert_eq!(DRAWN.load(Ordering::SeqCst), 1);
        pages.draw(&file, 2..3, 100).await.unwrap();
        assert_eq!(DRAWN.load(Ordering::SeqCst), 1);
        pages.draw(&file, 2..3, 50).await.unwrap();
        assert_eq!(DRAWN.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_cannot_be_drawn_says_why_and_a_panic_is_a_reason() {
        let pages = pages(fake_render);
        let broken = Sheaf { bytes: Bytes::from_static(b"no pdf"), ..pdf("b", 1) };
        assert_eq!(pages.draw(&broken, 1..2, 100).await.unwrap_err(), "the pdf is damaged");
        let text = Sheaf { media_type: "text/plain".to_owned(), ..pdf("c", 1) };
        assert!(pages.draw(&text, 1..2, 100).await.unwrap_err().contains("text/plain"));
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        let docx = Sheaf { media_type: docx.to_owned(), ..pdf("d", 1) };
        assert!(pages.draw(&docx, 1..2, 100).await.unwrap_err().contains("Office files are shown as text only"));
        fn panics(_: &[u8], _: Range<u32>, _: u32, _: &Limits) -> Result<RenderedPages, String> {
            panic!("as parsers do")
        }
        let reason = super::tests::pages(panics).draw(&pdf("e", 1), 1..2, 100).await.unwrap_err();
        assert!(reason.contains("damaged"), "{reason}");
    }

    #[tokio::test]
    async fn a_picture_is_its_own_first_page() {
        let pages = pages(fake_render);
        let image = pictures::tests::noise(40, 20, ImageFormat::Jpeg);
        let bytes = Bytes::copy_from_slice(&image.bytes);
        let file = Sheaf { media_type: "image/jpeg".to_owned(), sha256: "picture".to_owned(), bytes };
        let drawn = pages.draw(&file, 1..2, 10).await.unwrap();
        let page = &drawn.pages[0];
        assert_eq!((page.media_type.as_str(), page.width, page.height, drawn.of), ("image/png", 10, 5, 1));
        assert!(pages.draw(&file, 2..3, 10).await.unwrap().pages.is_empty());
    }

    #[test]
    fn what_is_kept_stays_within_its_bound_and_the_least_used_goes_first() {
        let mut kept = Kept::new(10);
        kept.put("a", 1, 5);
        kept.put("b", 2, 5);
        assert_eq!(kept.get(&"a"), Some(1));
        kept.put("c", 3, 5);
        assert_eq!((kept.get(&"a"), kept.get(&"b"), kept.get(&"c")), (Some(1), None, Some(3)));
        kept.put("a", 4, 1);
        kept.put("huge", 5, 11);
        assert_eq!((kept.bytes, kept.get(&"huge")), (6, None));
    }
}
