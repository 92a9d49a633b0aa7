//! https by the service itself: rustls with ring, from PEM files.

use std::path::Path;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::ServeError;

/// # Errors
/// If a file cannot be read, holds nothing of the kind, or the key is not the certificate's.
pub(super) fn config(cert: &Path, key: &Path) -> Result<ServerConfig, ServeError> {
    let wrong = |path: &Path, why: String| ServeError::Tls { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| wrong(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(cert, "holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(cert, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(key, error.to_string()))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_with_its_key_is_taken_and_anything_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let made = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (one, two) = (made("localhost"), made("other.example"));
        let cert = at("cert.pem", &one.cert.pem());
        let key = at("key.pem", &one.signing_key.serialize_pem());
        config(&cert, &key).unwrap();
        for (cert, key, says) in [
            (at("empty.pem", ""), key.clone(), "empty.pem: holds no certificate"),
            (cert.clone(), at("other.pem", &two.signing_key.serialize_pem()), "other.pem: "),
            (cert.clone(), folder.path().join("none.pem"), "none.pem: "),
            (cert.clone(), at("text.pem", "hello"), "text.pem: "),
        ] {
            let told = config(&cert, &key).unwrap_err().to_string();
            assert!(told.contains(says), "{told}");
        }
    }
}
