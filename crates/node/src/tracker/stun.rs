//! A STUN responder: tells whoever asks which address it is seen at.

use tatum_webrtc::stun;
use tokio::net::UdpSocket;

/// Answers until the task is aborted.
pub(super) async fn answer(socket: UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        // Errors of a single exchange (an ICMP answer, for example) concern one peer only.
        let Ok((size, source)) = socket.recv_from(&mut buffer).await else { continue };
        let datagram = buffer.get(..size).unwrap_or_default();
        if let Some(response) = stun::response(datagram, source) {
            let _ = socket.send_to(&response, source).await;
        }
    }
}
