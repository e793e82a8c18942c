//! Trusted certificate authorities: those of the system, those that the environment adds, and bundled ones if there are none.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, KeyProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, TrustAnchor, UnixTime};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_native_certs::{CertificateResult, ErrorKind, load_certs_from_paths};

/// The certificate authorities that environment variables name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trust {
    /// Those in `SSL_CERT_FILE` and `SSL_CERT_DIR`. `None` if neither is set; the system's store is then used.
    store: Option<Vec<TrustAnchor<'static>>>,
    /// Those in `NODE_EXTRA_CA_CERTS`, which are added to the others.
    extra: Vec<TrustAnchor<'static>>,
}

impl Trust {
    /// Reads the files in `SSL_CERT_FILE`, `SSL_CERT_DIR` (one or more folders) and `NODE_EXTRA_CA_CERTS`. Also returns a warning for
    /// each path without certificates, or with some that can't be read. It contains the variable and the untrusted path.
    pub fn read(file: Option<&OsStr>, dirs: Option<&OsStr>, extra: Option<&OsStr>) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut add = |roots: &mut RootCertStore, name, path: &Path, found: CertificateResult, instead| {
            let (added, _) = roots.add_parsable_certificates(found.certs);
            let why = match found.errors.first() {
                // The error's own text contains the part that can't be parsed, which may be a private key.
                Some(rustls_native_certs::Error {
                    kind: ErrorKind::Pem(_),
                    ..
                }) => ": it is not valid PEM".to_owned(),
                Some(error) => format!(": {error}"),
                None if added == 0 => String::new(),
                None => return,
            };
            let path = path.display();
            warnings.push(if added == 0 {
                format!("{name} names {path}, which contains no usable certificate{instead}{why}")
            } else {
                format!("{name} names {path}, which can be read only in part{why}")
            });
        };
        let store = (file.is_some() || dirs.is_some()).then(|| {
            let mut roots = RootCertStore::empty();
            let instead = " (the system's certificates are not used instead)";
            if let Some(path) = file.map(Path::new) {
                let found = load_certs_from_paths(Some(path), None);
                add(&mut roots, "SSL_CERT_FILE", path, found, instead);
            }
            let dirs = dirs.into_iter().flat_map(std::env::split_paths);
            for path in dirs.filter(|path| !path.as_os_str().is_empty()) {
                let found = load_certs_from_paths(None, Some(&path));
                add(&mut roots, "SSL_CERT_DIR", &path, found, instead);
            }
            roots.roots
        });
        let mut roots = RootCertStore::empty();
        if let Some(path) = extra.map(Path::new) {
            let found = load_certs_from_paths(Some(path), None);
            add(&mut roots, "NODE_EXTRA_CA_CERTS", path, found, "");
        }
        let extra = roots.roots;
        (Self { store, extra }, warnings)
    }

    /// The trusted roots. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's store, as in OpenSSL; `NODE_EXTRA_CA_CERTS` adds to
    /// it, as in Node. The bundled roots are used only if the system has none. They never extend a store that the user restricted,
    /// even if the path in the variable is wrong.
    fn roots(&self, system: impl FnOnce() -> Vec<CertificateDer<'static>>) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        match &self.store {
            Some(store) => roots.extend(store.iter().cloned()),
            None => {
                roots.add_parsable_certificates(system());
                if roots.is_empty() {
                    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                }
            }
        }
        roots.extend(self.extra.iter().cloned());
        roots
    }
}

/// The certificates in the system's store. `load_native_certs` is not used here: it treats a blank variable of OpenSSL as a path and
/// then finds nothing.
#[cfg(all(unix, not(target_os = "macos")))]
fn system_store() -> Vec<CertificateDer<'static>> {
    let places = openssl_probe::probe();
    let mut dirs = places.cert_dir.iter();
    let mut found = load_certs_from_paths(places.cert_file.as_deref(), dirs.next().map(AsRef::as_ref)).certs;
    for dir in dirs {
        for certificate in load_certs_from_paths(None, Some(dir)).certs {
            // Folders of several distributions often link to each other.
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
    }
    found
}

/// The certificates in the system's store; none if a variable of OpenSSL is set but blank, see [`BLANK_HIDES_STORE`].
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn system_store() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Whether a blank `SSL_CERT_FILE` hides the system's store. It does where the store is not a file and only a library can read it.
pub const BLANK_HIDES_STORE: bool = cfg!(not(all(unix, not(target_os = "macos"))));

/// The TLS configuration of the HTTP clients. The system's certificates are loaded when the first server certificate is verified, so
/// that a run over plain loopback HTTP never reads them.
///
/// # Errors
/// If the crypto provider supports no TLS version, which a test rules out.
pub fn config(trust: &Trust) -> Result<ClientConfig, Error> {
    let provider = Arc::new(CryptoProvider {
        key_provider: &NoClientKeys,
        ..rustls::crypto::ring::default_provider()
    });
    let verifier = Arc::new(LazyVerifier {
        provider: provider.clone(),
        trust: trust.clone(),
        inner: OnceLock::new(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // Not dangerous: the verifier is rustls's own, created on first use.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Refuses to load a private key. Client certificates are not used, so the binary does not contain the code that signs with them.
#[derive(Debug)]
struct NoClientKeys;

impl KeyProvider for NoClientKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("client certificates are not supported".to_owned()))
    }
}

#[derive(Debug)]
struct LazyVerifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    inner: OnceLock<Result<Arc<WebPkiServerVerifier>, String>>,
}

impl LazyVerifier {
    fn inner(&self) -> Result<&WebPkiServerVerifier, Error> {
        let made = self.inner.get_or_init(|| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(self.trust.roots(system_store)), self.provider.clone())
                .build()
                .map_err(|error| error.to_string())
        });
        made.as_deref()
            .map_err(|error| Error::General(format!("the certificate verifier can't be created: {error}")))
    }
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use qatech_fakes::tls::Authority;

    fn anchors(authorities: &[&Authority]) -> Vec<TrustAnchor<'static>> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().map(|authority| certificate(authority)));
        assert_eq!(roots.len(), authorities.len());
        roots.roots
    }

    fn certificate(authority: &Authority) -> CertificateDer<'static> {
        use rustls::pki_types::pem::PemObject as _;
        CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()
    }

    fn never() -> Vec<CertificateDer<'static>> {
        unreachable!("the system's store was asked for")
    }

    #[test]
    fn a_configuration_can_be_created() {
        assert!(config(&Trust::default()).is_ok());
    }

    #[test]
    fn without_variables_the_systems_store_is_used_and_bundled_roots_if_it_is_empty() {
        let (trust, warnings) = Trust::read(None, None, None);
        assert_eq!((&trust, warnings), (&Trust::default(), vec![]));
        let ours = Authority::new();
        assert_eq!(trust.roots(|| vec![certificate(&ours)]).roots, anchors(&[&ours]));
        let bundled = webpki_roots::TLS_SERVER_ROOTS;
        assert_eq!(trust.roots(Vec::new).roots, bundled);
        // A certificate that can't be parsed does not count.
        assert_eq!(trust.roots(|| vec![CertificateDer::from(&b"x"[..])]).roots, bundled);
    }

    #[test]
    fn the_variables_replace_the_systems_store() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, three] = [Authority::new(), Authority::new(), Authority::new()];
        let file = folder.path().join("one.pem");
        std::fs::write(&file, one.pem()).unwrap();
        let dirs = ["two", "three"].map(|name| folder.path().join(name));
        for (dir, authority) in dirs.iter().zip([&two, &three]) {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("a.pem"), authority.pem()).unwrap();
        }
        let both = std::env::join_paths(&dirs).unwrap();
        let file = Some(file.as_os_str());
        for (file, dirs, expected) in [
            (file, None, anchors(&[&one])),
            (None, Some(dirs[0].as_os_str()), anchors(&[&two])),
            (file, Some(both.as_os_str()), anchors(&[&one, &two, &three])),
        ] {
            let (trust, warnings) = Trust::read(file, dirs, None);
            assert_eq!((trust.roots(never).roots, warnings), (expected, vec![]));
        }
        let (trust, warnings) = Trust::read(Some(dirs[0].join("a.pem").as_os_str()), None, file);
        assert_eq!((trust.roots(never).roots, warnings), (anchors(&[&two, &one]), vec![]));
    }

    #[test]
    fn an_extra_authority_is_added_to_the_systems_or_the_bundled_ones() {
        let folder = tempfile::tempdir().unwrap();
        let [system, extra] = [Authority::new(), Authority::new()];
        let file = folder.path().join("extra.pem");
        std::fs::write(&file, extra.pem()).unwrap();
        let (trust, warnings) = Trust::read(None, None, Some(file.as_os_str()));
        assert_eq!(warnings, [""; 0]);
        let of_system = trust.roots(|| vec![certificate(&system)]).roots;
        assert_eq!(of_system, anchors(&[&system, &extra]));
        let roots = trust.roots(Vec::new).roots;
        let (last, bundled) = roots.split_last().unwrap();
        assert_eq!(
            (bundled, last),
            (webpki_roots::TLS_SERVER_ROOTS, &anchors(&[&extra])[0])
        );
    }

    #[test]
    fn a_wrong_path_does_not_extend_trust_and_causes_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificates at all\n").unwrap();
        let no_such = folder.path().join("no such");
        for path in [&empty, &no_such] {
            let (trust, warnings) = Trust::read(Some(path.as_os_str()), None, None);
            assert_eq!(trust.roots(never).roots, []);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            let start = format!(
                "SSL_CERT_FILE names {}, which contains no usable certificate",
                path.display()
            );
            assert!(warnings[0].starts_with(&start), "{warnings:?}");
        }
        let dirs = std::env::join_paths([&no_such, folder.path()]).unwrap();
        let (trust, warnings) = Trust::read(None, Some(&dirs), None);
        assert_eq!((trust.roots(never).roots, warnings.len()), (vec![], 2));
        assert!(
            warnings.iter().all(|text| text.starts_with("SSL_CERT_DIR names ")),
            "{warnings:?}"
        );
        for path in [&empty, &no_such] {
            let (trust, warnings) = Trust::read(None, None, Some(path.as_os_str()));
            assert_eq!(trust.roots(Vec::new).roots, webpki_roots::TLS_SERVER_ROOTS);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].starts_with("NODE_EXTRA_CA_CERTS names "), "{warnings:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_a_certificate_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(
            &file,
            "-----BEGIN PRIVATE KEY----- c2VjcmV0 -----END PRIVATE KEY-----\n",
        )
        .unwrap();
        let (_, warnings) = Trust::read(Some(file.as_os_str()), None, None);
        assert_eq!(warnings.len(), 1);
        assert!(
            !warnings[0].contains("c2VjcmV0") && !warnings[0].contains("99, 50"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_file_that_can_be_read_in_part_is_used_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Authority::new();
        let file = folder.path().join("half.pem");
        let broken = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, format!("{}{broken}", ours.pem())).unwrap();
        let (trust, warnings) = Trust::read(Some(file.as_os_str()), None, None);
        assert_eq!(trust.roots(never).roots, anchors(&[&ours]));
        assert!(warnings[0].contains("which can be read only in part"), "{warnings:?}");
    }
}
