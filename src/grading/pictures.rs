//! The pictures that judges were sent, kept as they were sent. What draws a page and what scales a picture may change with
//! the next version of this program or of LibreOffice; what was judged does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::domain::{Image, Part, Prefix, SeenPicture, View};
use crate::services::Services;
use crate::store::{ProjectStore, StoreError, Upload};

/// Files that are put at the same time: an object store takes its time for each.
const AT_ONCE: usize = 8;

/// A picture of a prompt, with the name of its file.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    file: String,
    image: Image,
}

/// The pictures of what all questions of a view share; questions themselves have none.
pub(super) fn sent(prefix: &Prefix) -> Vec<Sent> {
    let sent = |part: &Part| match part {
        Part::Image { name, image } => Some(Sent { file: name.clone(), image: image.clone() }),
        Part::Text(_) | Part::Media { .. } => None,
    };
    prefix.parts.iter().filter_map(sent).collect()
}

/// Views with the pictures that belong to them, to be kept with the result that names them.
pub(super) struct Album {
    views: Vec<(View, Vec<Sent>)>,
    upload: Option<Upload>,
}

impl Album {
    /// Puts the pictures and names them in their views.
    ///
    /// # Errors
    /// If the store or the place of files cannot.
    pub async fn keep(services: &Services, views: Vec<(View, Vec<Sent>)>) -> Result<Self, StoreError> {
        let mut album = Self { views, upload: None };
        album.put(services).await?;
        Ok(album)
    }

    /// Puts them once more: unused files were swept before anything named these.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub async fn put(&mut self, services: &Services) -> Result<(), StoreError> {
        let wanted = if services.keep_pictures { self.views.as_mut_slice() } else { &mut [] };
        if wanted.iter().all(|(_, sent)| sent.is_empty()) {
            return Ok(());
        }
        // Judges with other limits may have been sent the same picture: it is put once.
        let all = wanted.iter().flat_map(|(_, sent)| sent);
        let distinct: BTreeSet<Arc<[u8]>> = all.map(|one| one.image.bytes.clone()).collect();
        let upload = services.store.upload().await?;
        let put = |bytes: Arc<[u8]>| {
            let blobs = services.blobs.clone();
            async move {
                let sha256 = blobs.put(upload.turn(), Bytes::from_owner(bytes.clone())).await?;
                Ok::<_, StoreError>((bytes, sha256))
            }
        };
        let puts: Vec<_> = distinct.into_iter().map(put).collect();
        let hashes: BTreeMap<_, _> = stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await?;
        for (view, sent) in wanted {
            let named = |one: &Sent| SeenPicture {
                file: one.file.clone(),
                place: one.image.place.clone(),
                media_type: one.image.media_type.clone(),
                width: one.image.width,
                height: one.image.height,
                bytes: one.image.bytes.len() as u64,
                sha256: hashes[&one.image.bytes].clone(),
            };
            view.pictures = sent.iter().map(named).collect();
        }
        self.upload = Some(upload);
        Ok(())
    }

    pub fn views(&self) -> Vec<View> {
        self.views.iter().map(|(view, _)| view.clone()).collect()
    }

    /// The project for the commit of what names the pictures.
    pub fn under(&self, project: &ProjectStore) -> ProjectStore {
        self.upload.as_ref().map_or_else(|| project.clone(), |upload| project.under(upload))
    }
}
