//! How a tracker's socket is reached: TCP, and TLS for `wss://`.
//!
//! Invariant: a tracker behind TLS is spoken to only if the system's roots vouch for its name
//! (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others). That holds for HTTP requests to it as well, whose
//! library asks the same verifier.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::http::Uri;

/// Bytes both ways, in the clear or not.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Connects to where a WebSocket's address points; gives also who is there.
pub(crate) async fn connect(uri: &Uri) -> Result<(Box<dyn Bytes>, SocketAddr), String> {
    let host = uri.host().ok_or("the URL names no host")?;
    // An IPv6 address stands in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let secure = uri.scheme_str() == Some("wss");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let peer = stream.peer_addr().map_err(|error| error.to_string())?;
    if !secure {
        return Ok((Box::new(stream), peer));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(config().map_err(|error| error.to_string())?));
    let secured = connector.connect(name, stream).await;
    let secured = secured.map_err(|error| format!("no TLS with {host}: {error}"))?;
    Ok((Box::new(secured), peer))
}

/// The roots are read anew for each connection, so a new one counts without a restart.
fn config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_platform_verifier()?.with_no_client_auth())
}
