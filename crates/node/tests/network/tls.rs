//! Trackers behind TLS, with a certificate that only some processes are told to trust.

use std::process::Command;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// Set for the process that is told where the tracker is.
const TRACKER: &str = "TATUM_TEST_TRACKER";

/// Ends TLS for a service in front of which it stands, as a proxy does.
struct TlsEnd {
    /// What `https://` leads to.
    address: SocketAddr,
    /// The certificate, which vouches for itself.
    certificate: tempfile::NamedTempFile,
}

impl TlsEnd {
    async fn before(service: SocketAddr) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(end(listener, TlsAcceptor::from(Arc::new(config)), service));
        let certificate = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(certificate.path(), pem(made.cert.der())).unwrap();
        Self { address, certificate }
    }
}

async fn end(listener: TcpListener, acceptor: TlsAcceptor, service: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not trust the certificate hangs up.
            let Ok(mut secured) = acceptor.accept(stream).await else { return };
            let mut clear = TcpStream::connect(service).await.unwrap();
            let _ = copy_bidirectional(&mut secured, &mut clear).await;
        });
    }
}

/// A certificate as files hold it (RFC 7468).
fn pem(certificate: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let mut padded = [0; 4];
        padded[1..=bytes.len()].copy_from_slice(bytes);
        let number = u32::from_be_bytes(padded);
        let digit = |place: usize| char::from(DIGITS[(number >> (18 - 6 * place)) as usize & 63]);
        (0..4)
            .map(move |place| if place <= bytes.len() { digit(place) } else { '=' })
            .collect::<String>()
    };
    let body: Vec<String> =
        certificate.chunks(48).map(|l| l.chunks(3).map(group).collect()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", body.join("\n"))
}

/// A subscriber in a process of its own, which reads the system's roots: this file again.
#[test]
fn a_process_behind_the_tls_end() {
    let Ok(tracker) = std::env::var(TRACKER) else { return };
    let tracker: tatum_node::TrackerAddress = tracker.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let http = reqwest::get(format!("{}/health", tracker.http_url())).await;
        println!("\n> http: {}", http.is_ok());
        let trackers = tatum_node::Trackers::new(vec![tracker]).unwrap();
        let mut config = client_config(1, String::new(), clock());
        config.trackers = trackers;
        config.connect_timeout = Duration::from_secs(5);
        match Subscriber::connect(config, &[stream()]).await {
            Ok(subscriber) => {
                println!("> linked");
                subscriber.finish(PATIENCE).await;
            }
            Err(error) => println!("> {error}"),
        }
    });
}

/// What such a process says if it is told to trust these roots only.
async fn subscriber(tracker: String, roots: &Path) -> String {
    let itself = std::env::current_exe().unwrap();
    let mut command = Command::new(itself);
    command.args(["--exact", "tls::a_process_behind_the_tls_end", "--nocapture"]);
    command.env(TRACKER, tracker).env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", roots);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_behind_tls_is_trusted_if_the_systems_roots_vouch_for_it() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let address = network.tracker_url.trim_start_matches("ws://").split('/').next().unwrap();
    let end = TlsEnd::before(address.parse().unwrap()).await;
    let other = TlsEnd::before(address.parse().unwrap()).await;
    for host in ["127.0.0.1", "localhost"] {
        let tracker = format!("https://{host}:{}", end.address.port());
        let said = subscriber(tracker, end.certificate.path()).await;
        assert!(said.contains("> http: true") && said.contains("> linked"), "{said}");
    }
    let tracker = format!("wss://127.0.0.1:{}", end.address.port());
    let said = subscriber(tracker, other.certificate.path()).await;
    assert!(said.contains("> http: false"), "{said}");
    assert!(said.contains("cannot be reached: no TLS with 127.0.0.1: invalid peer"), "{said}");
    relay.stop().await;
}
