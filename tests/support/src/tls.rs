//! Real TLS for the fakes: a private certificate authority, the certificates it signs, and failing handshakes.

use std::io::{self, Write};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http::{Connection, Handler, Server, Tcp};

/// A certificate authority that no store contains.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Creates one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, "fake authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority can sign itself"))
    }

    /// Its certificate, for the list of trusted ones.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these DNS names and addresses, valid now.
    pub fn signs(&self, names: &[&str]) -> Certificate {
        self.certificate(names, |_| {})
    }

    /// An expired certificate.
    pub fn signed_long_ago(&self, names: &[&str]) -> Certificate {
        self.certificate(names, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn certificate(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        params.distinguished_name.push(DnType::CommonName, "fake server");
        change(&mut params);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("the authority can sign");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key is the certificate's");
        Certificate(Arc::new(config))
    }
}

/// A server's certificate with its key.
#[derive(Clone)]
pub struct Certificate(Arc<ServerConfig>);

impl Certificate {
    /// Performs the TLS handshake. Fails if the client rejects the certificate.
    ///
    /// # Errors
    /// If the handshake fails.
    pub fn accept(&self, mut tcp: Tcp) -> io::Result<Box<dyn Connection>> {
        let mut connection = ServerConnection::new(Arc::clone(&self.0)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            if connection.complete_io(&mut tcp)? == (0, 0) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Box::new(StreamOwned::new(connection, tcp)))
    }

    /// A server that presents this certificate.
    pub fn serve(self, handler: Box<Handler>) -> Server {
        Server::start_with(move |tcp| self.accept(tcp), handler)
    }
}

/// A failing handshake. The error ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHandshake {
    /// Plain HTTP instead of TLS, as from a misconfigured load balancer.
    PlainHttp,
    /// Closed without an answer.
    Closed,
    /// Reset without an answer.
    Reset,
    /// A TLS alert: handshake failure.
    Alert,
}

impl NoHandshake {
    /// Makes the handshake fail.
    ///
    /// # Errors
    /// Always.
    pub fn accept(self, mut tcp: Tcp) -> io::Result<Box<dyn Connection>> {
        match self {
            Self::PlainHttp => tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?,
            Self::Closed => {}
            Self::Reset => tcp.reset_on_close(),
            Self::Alert => tcp.write_all(&[0x15, 3, 3, 0, 2, 2, 40])?,
        }
        Err(io::Error::other("no handshake, on purpose"))
    }
}
