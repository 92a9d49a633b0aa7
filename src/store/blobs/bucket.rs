//! Files in a bucket of an S3-compatible object store: Amazon's, MinIO and their like.
//!
//! An object is there whole or not at all, and durable when the server says so. Small files are one conditional request;
//! larger ones go in parts. What fails on the way (no connection, no answer in time, a 5xx, an answer that ends early) is
//! tried again for a bounded time, and is [`StoreError::Unavailable`] then. "No such file" is only what the server itself
//! calls so (`NoSuchKey`): a bucket that is gone, refused credentials or a 404 of something in between are none.
//!
//! Keys: `{prefix}/ab/cdef…[.{turn}]` for files, `{prefix}/stores/{id}` for whose they are. ETags are not looked at: a
//! file is right when its SHA-256 is. What the credentials must allow: GetObject, PutObject, DeleteObject, ListBucket,
//! AbortMultipartUpload. Parts of an upload that a crash cut off are for the bucket's life-cycle rule
//! (`AbortIncompleteMultipartUpload`).
//!
//! No message and no log holds a credential: of what the server says only its error code is passed on.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use secrecy::ExposeSecret;

use super::super::StoreError;
use super::{Answer, BucketOptions, Copy, Listed, Place, Turn};
use crate::domain::Timestamp;

/// A file that is larger goes in parts of this size; Amazon takes none below 5 MiB.
const PART: usize = 8 << 20;
/// Parts of one file on their way at the same time.
const PARTS_AT_ONCE: usize = 4;
/// Characters of what went wrong, in messages.
const LONGEST: usize = 400;
/// Where it is noted whose files are in here.
const STORES: &str = "stores";

pub(super) struct Bucket {
    objects: AmazonS3,
    /// With a slash at its end, or empty.
    prefix: String,
    /// For messages.
    place: String,
}

impl Bucket {
    /// `rest` is what follows `s3:` in the URL.
    pub async fn open(url: &str, rest: &str, options: &BucketOptions) -> Result<Self, StoreError> {
        let invalid = |problem: String| StoreError::InvalidUrl { url: shown(url), problem };
        let name = rest.strip_prefix("//").unwrap_or_default().trim_end_matches('/');
        let (bucket, prefix) = name.split_once('/').unwrap_or((name, ""));
        if bucket.is_empty() || bucket.contains(['@', ':', '?']) || prefix.contains(['?', '#']) {
            let ways = "write `s3://bucket/prefix`; endpoint, region and credentials are settings of [files]";
            return Err(invalid(ways.to_owned()));
        }
        if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
            return Err(invalid("its prefix has an empty part, `.` or `..`".to_owned()));
        }
        let objects = builder(bucket, options)
            .and_then(AmazonS3Builder::build)
            .map_err(|error| invalid(format!("the object store cannot be set up: {}", chain(&error))))?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let place = match &options.endpoint {
            Some(endpoint) => format!("s3://{name} at {}", shown(endpoint)),
            None => format!("s3://{name}"),
        };
        let bucket = Self { objects, prefix, place };
        bucket.page("", Some(1), None).await?;
        Ok(bucket)
    }

    fn path(&self, copy: &Copy) -> Path {
        let (shard, name) = copy.path();
        Path::from(format!("{}{shard}/{name}", self.prefix))
    }

    async fn get(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let read = async {
            let found = self.objects.get(path).await?;
            let size = found.meta.size;
            Ok::<_, Error>((size, found.bytes().await?))
        };
        match read.await {
            Ok((size, bytes)) if bytes.len() as u64 == size => Ok(Some(bytes)),
            Ok((size, bytes)) => {
                let detail = format!("{}: {} of {size} bytes came", self.place, bytes.len());
                Err(StoreError::Unavailable { detail })
            }
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(self.told(&error)),
        }
    }

    async fn put(&self, path: &Path, bytes: Bytes, replace: bool) -> Result<(), StoreError> {
        if bytes.len() > PART {
            return self.put_in_parts(path, bytes).await;
        }
        if !replace {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match self.objects.put_opts(path, PutPayload::from_bytes(bytes.clone()), create).await {
                Ok(_) => return Ok(()),
                Err(error) if is_refusal(&error) => return Err(self.told(&error)),
                // Somebody else was first, whether or not with the right bytes; or the server knows no conditions; or
                // it is not known whether it happened. What may happen twice is tried again by the client.
                Err(_) => {}
            }
        }
        let put = self.objects.put(path, PutPayload::from_bytes(bytes)).await;
        put.map(drop).map_err(|error| self.told(&error))
    }

    async fn put_in_parts(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        let Err(error) = self.parts(path, &bytes).await else { return Ok(()) };
        // The parts may have been joined, and the answer lost: joined once more, they are known no more.
        match self.get(path).await {
            Ok(Some(kept)) if kept == bytes => Ok(()),
            Ok(_) if !is_forbidden(&error) || code(&error).as_deref() == Some("NoSuchUpload") => {
                self.parts(path, &bytes).await.map_err(|error| self.told(&error))
            }
            _ => Err(self.told(&error)),
        }
    }

    async fn parts(&self, path: &Path, bytes: &Bytes) -> Result<(), Error> {
        let mut upload = self.objects.put_multipart(path).await?;
        let starts = (0..bytes.len()).step_by(PART);
        let parts: Vec<_> = starts
            .map(|start| upload.put_part(PutPayload::from_bytes(bytes.slice(start..bytes.len().min(start + PART)))))
            .collect();
        let sent = stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<Vec<()>>().await;
        let done = match sent {
            Ok(_) => upload.complete().await.map(drop),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // If that fails too, the bucket's life-cycle rule takes the parts.
            let _ = upload.abort().await;
        }
        done
    }

    async fn page(
        &self,
        prefix: &str,
        max_keys: Option<usize>,
        page_token: Option<String>,
    ) -> Result<(Vec<object_store::ObjectMeta>, Option<String>), StoreError> {
        let prefix = format!("{}{prefix}", self.prefix);
        let options = PaginatedListOptions { max_keys, page_token, ..PaginatedListOptions::default() };
        let prefix = Some(prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let page = self.objects.list_paginated(prefix, options).await.map_err(|error| self.told(&error))?;
        Ok((page.result.objects, page.page_token))
    }

    /// Everything under a prefix that follows the bucket's.
    async fn all(&self, prefix: &str) -> Result<Vec<object_store::ObjectMeta>, StoreError> {
        let (mut all, mut next) = self.page(prefix, None, None).await?;
        while let Some(token) = next {
            let (more, after) = self.page(prefix, None, Some(token)).await?;
            all.extend(more);
            next = after;
        }
        Ok(all)
    }

    /// The copy that an object is.
    fn copy_of(&self, object: &object_store::ObjectMeta) -> Option<Copy> {
        let (shard, name) = object.location.as_ref().strip_prefix(&self.prefix)?.split_once('/')?;
        Copy::of(shard, name)
    }

    fn told(&self, error: &Error) -> StoreError {
        let detail = match code(error) {
            Some(code) => {
                let way_out = match code.as_str() {
                    "NoSuchBucket" => "; make the bucket, or correct [files] url",
                    _ if is_forbidden(error) => "; see the credentials, region and endpoint of [files]",
                    _ => "",
                };
                format!("{}: the server answers {code}{way_out}", self.place)
            }
            None => format!("{}: {}", self.place, chain(error).chars().take(LONGEST).collect::<String>()),
        };
        StoreError::Unavailable { detail }
    }
}

impl Place for Bucket {
    fn read(&self, copy: Copy) -> Answer<'_, Option<Bytes>> {
        async move { self.get(&self.path(&copy)).await }.boxed()
    }

    fn keep(&self, copy: Copy, bytes: Bytes) -> Answer<'_, ()> {
        async move {
            let path = self.path(&copy);
            match self.get(&path).await? {
                Some(kept) if kept == bytes => Ok(()),
                kept => self.put(&path, bytes, kept.is_some()).await,
            }
        }
        .boxed()
    }

    fn has(&self, copy: Copy) -> Answer<'_, bool> {
        // Listed, not asked for: the answer to a HEAD does not say whether the key or the bucket is missing.
        async move { Ok(self.turns(copy.sha256).await?.contains(&copy.turn)) }.boxed()
    }

    fn turns(&self, sha256: String) -> Answer<'_, Vec<Turn>> {
        async move {
            let (shard, rest) = sha256.split_at(2);
            let objects = self.all(&format!("{shard}/{rest}")).await?;
            let mut turns: Vec<Turn> = objects.iter().filter_map(|o| self.copy_of(o)).map(|copy| copy.turn).collect();
            turns.sort();
            Ok(turns)
        }
        .boxed()
    }

    fn list(&self, shard: String) -> Answer<'_, Vec<Listed>> {
        async move {
            let objects = self.all(&format!("{shard}/")).await?;
            let listed = objects.iter().filter_map(|object| {
                let kept_at = Timestamp::from_second(object.last_modified.timestamp()).ok();
                Some(Listed { copy: self.copy_of(object)?, bytes: object.size, kept_at })
            });
            Ok(listed.collect())
        }
        .boxed()
    }

    fn remove(&self, copy: Copy) -> Answer<'_, ()> {
        async move {
            match self.objects.delete(&self.path(&copy)).await {
                Err(error) if !is_absence(&error) => Err(self.told(&error)),
                _ => Ok(()),
            }
        }
        .boxed()
    }

    fn claim(&self, store: String) -> Answer<'_, Vec<String>> {
        async move {
            let stores = |objects: Vec<object_store::ObjectMeta>| -> Vec<String> {
                objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect()
            };
            let mut all = stores(self.all(&format!("{STORES}/")).await?);
            if !all.contains(&store) {
                let path = Path::from(format!("{}{STORES}/{store}", self.prefix));
                self.put(&path, Bytes::new(), true).await?;
                all.push(store);
            }
            all.sort();
            Ok(all)
        }
        .boxed()
    }
}

fn builder(bucket: &str, options: &BucketOptions) -> Result<AmazonS3Builder, Error> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 20,
        retry_timeout: options.patience,
    };
    // The environment says only what the configuration leaves open.
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry)
        .with_virtual_hosted_style_request(!options.path_style)
        .with_http_connector(Connector { connect: options.connect_timeout, read: options.read_timeout });
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        let endpoint = endpoint.trim_end_matches('/');
        // The library takes an endpoint with the bucket in it where the bucket is part of the host.
        let endpoint = match endpoint.split_once("://") {
            Some((scheme, host)) if !options.path_style => format!("{scheme}://{bucket}.{host}"),
            _ => endpoint.to_owned(),
        };
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    if let Some(credentials) = &options.credentials {
        builder = builder
            .with_access_key_id(credentials.access_key_id.expose_secret())
            .with_secret_access_key(credentials.secret_access_key.expose_secret());
        if let Some(token) = &credentials.session_token {
            builder = builder.with_token(token.expose_secret());
        }
    }
    Ok(builder)
}

/// Makes the HTTP client as that of the judges is made: rustls with ring, HTTP/1.1, no redirects (a signature must not
/// follow one to another host).
#[derive(Debug)]
struct Connector {
    connect: Duration,
    read: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient, Error> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .http1_only()
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect)
            .read_timeout(self.read)
            .pool_idle_timeout(Duration::from_secs(60))
            .tcp_keepalive(Duration::from_secs(30))
            .user_agent(concat!("empanel/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(HttpClient::new(client))
    }
}

/// Whether the server itself says that there is no such object.
fn is_absence(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && code(error).as_deref() == Some("NoSuchKey")
}

/// Whether trying it in another way is of no use.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::NotFound { .. })
}

/// Whether the server does not let these credentials do it. (Lists come without a kind of their own.)
fn is_forbidden(error: &Error) -> bool {
    let by_kind = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
    by_kind || [" 401 ", " 403 "].iter().any(|status| chain(error).contains(status))
}

/// The error code in what the server answered: `<Code>SlowDown</Code>`.
fn code(error: &Error) -> Option<String> {
    let text = chain(error);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

/// A URL without who, for messages.
fn shown(url: &str) -> String {
    super::super::typed::without_password(url)
}
