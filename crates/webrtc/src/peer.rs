//! One peer's WebRTC session: str0m's sans-io state plus our queue above its SCTP buffer.
//!
//! Invariant: after [`Peer::advance`] nothing is left to do for this session until its `deadline`
//! or new input.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::net::Transmit;
use str0m::{Candidate, Event as RtcEvent, IceConnectionState, Input, Output, Rtc};

use crate::link::Gauge;
use crate::time::later;
use crate::{CloseReason, Error, SCTP_BUFFER_BYTES};

/// A stack that asks to be woken at once is woken after this pause, so that no fault can spin the
/// driver.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Datagrams that a session takes before it must be advanced. Its DTLS layer holds 30 records that nobody asked for yet
/// and drops what comes then, which SCTP would take for a congested path.
const RECEIVED_AT_ONCE: usize = 16;

/// The largest datagram: what every IPv6 path carries (1280) less the headers of IPv6 and UDP.
const DATAGRAM_BYTES: usize = 1280 - 40 - 8;

/// How often it is looked how long the peer takes to answer.
const STATS_EVERY: Duration = Duration::from_secs(2);

/// What a session wants its driver to do.
pub(crate) enum Effect {
    Transmit(Transmit),
    Opened(Option<SocketAddr>),
    Received(Bytes),
    Closed(CloseReason),
}

/// The ways in which a peer may reach us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paths<'a> {
    pub(crate) local: &'a [SocketAddr],
    /// The outside of a NAT before us.
    pub(crate) outside: Option<SocketAddr>,
}

pub(crate) struct Peer {
    rtc: Rtc,
    channel: ChannelId,
    pending: Option<SdpPendingOffer>,
    open: bool,
    connect_by: Instant,
    queue: VecDeque<Bytes>,
    gauge: Arc<Gauge>,
    /// Datagrams taken since it was last advanced.
    received: usize,
    /// Where the newest datagram was sent to.
    remote: Option<SocketAddr>,
    pub(crate) deadline: Instant,
}

impl Peer {
    fn session(
        paths: &Paths<'_>,
        now: Instant,
        patience: Duration,
    ) -> Result<(Rtc, Instant), Error> {
        let mut config = Rtc::builder()
            .set_sctp_max_buffered_amount(SCTP_BUFFER_BYTES)
            .set_mtu(DATAGRAM_BYTES..=DATAGRAM_BYTES)
            .set_stats_interval(Some(STATS_EVERY));
        // A silent peer is given up after about ten seconds instead of str0m's half minute.
        config.set_max_stun_rto(Duration::from_millis(1500));
        config.set_max_stun_retransmits(7);
        let mut rtc = config.build(now);
        for address in paths.local {
            rtc.add_local_candidate(Candidate::host(*address, "udp").map_err(description)?);
        }
        if let Some(outside) = paths.outside.filter(|outside| !paths.local.contains(outside))
            && let Some(base) = paths.local.iter().find(|base| base.is_ipv4() == outside.is_ipv4())
        {
            let candidate = Candidate::server_reflexive(outside, *base, "udp");
            rtc.add_local_candidate(candidate.map_err(description)?);
        }
        Ok((rtc, later(now, patience)))
    }

    fn new(
        rtc: Rtc,
        channel: ChannelId,
        pending: Option<SdpPendingOffer>,
        connect_by: Instant,
    ) -> Self {
        Self {
            rtc,
            channel,
            pending,
            open: false,
            connect_by,
            queue: VecDeque::new(),
            gauge: Arc::default(),
            received: 0,
            remote: None,
            deadline: connect_by,
        }
    }

    /// A session that offers; returns the offer to be carried to the peer.
    pub(crate) fn offering(
        paths: &Paths<'_>,
        now: Instant,
        patience: Duration,
    ) -> Result<(Self, String), Error> {
        let (mut rtc, connect_by) = Self::session(paths, now, patience)?;
        let mut change = rtc.sdp_api();
        let channel = change.add_channel_with_config(channel_config());
        let (offer, pending) =
            change.apply().ok_or_else(|| Error::Description("the offer is empty".to_owned()))?;
        Ok((Self::new(rtc, channel, Some(pending), connect_by), offer.to_sdp_string()))
    }

    /// A session that answers `offer`; returns the answer to be carried back.
    pub(crate) fn answering(
        offer: &str,
        paths: &Paths<'_>,
        now: Instant,
        patience: Duration,
    ) -> Result<(Self, String), Error> {
        let offer = SdpOffer::from_sdp_string(offer).map_err(description)?;
        let (mut rtc, connect_by) = Self::session(paths, now, patience)?;
        let answer = rtc.sdp_api().accept_offer(offer).map_err(description)?;
        let channel = rtc.direct_api().create_data_channel(channel_config());
        Ok((Self::new(rtc, channel, None, connect_by), answer.to_sdp_string()))
    }

    /// Takes the peer's answer to our offer.
    pub(crate) fn accept_answer(&mut self, answer: &str) -> Result<(), Error> {
        let pending = self.pending.take().ok_or(Error::NoPendingOffer)?;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(description)?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(description)
    }

    /// The ICE user fragment by which binding requests name this session.
    pub(crate) fn fragment(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    pub(crate) fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.gauge)
    }

    pub(crate) fn enqueue(&mut self, message: Bytes) {
        self.queue.push_back(message);
    }

    pub(crate) fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// Feeds a datagram. An error ends the session.
    pub(crate) fn receive(&mut self, input: Input<'_>) -> Result<(), CloseReason> {
        self.received = self.received.saturating_add(1);
        self.rtc.handle_input(input).map_err(|error| failed(&error))
    }

    /// Whether it must be advanced before it can take another datagram.
    pub(crate) const fn is_full(&self) -> bool {
        self.received >= RECEIVED_AT_ONCE
    }

    /// Starts an orderly end; the packets that tell the peer are among the effects.
    pub(crate) fn close(&mut self, effects: &mut Vec<Effect>) {
        self.gauge.close();
        if self.rtc.close().is_err() {
            return;
        }
        for _ in 0..16 {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => effects.push(Effect::Transmit(transmit)),
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => return,
            }
        }
    }

    /// Moves time forward, writes what fits, and collects everything the session wants done.
    pub(crate) fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.received = 0;
        if let Err(reason) = self.advance_inner(now, effects) {
            self.gauge.close();
            effects.push(Effect::Closed(reason));
        }
    }

    fn advance_inner(
        &mut self,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Result<(), CloseReason> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|error| failed(&error))?;
        loop {
            let wake = self.poll(effects)?;
            if self.flush()? {
                continue;
            }
            self.deadline = wake.max(later(now, SHORTEST_WAIT));
            break;
        }
        if !self.open {
            if now >= self.connect_by {
                return Err(CloseReason::ConnectTimeout);
            }
            self.deadline = self.deadline.min(self.connect_by);
        }
        if !self.rtc.is_alive() {
            return Err(CloseReason::Remote);
        }
        Ok(())
    }

    fn poll(&mut self, effects: &mut Vec<Effect>) -> Result<Instant, CloseReason> {
        loop {
            match self.rtc.poll_output().map_err(|error| failed(&error))? {
                Output::Timeout(at) => return Ok(at),
                Output::Transmit(transmit) => {
                    self.remote = Some(transmit.destination);
                    effects.push(Effect::Transmit(transmit));
                }
                Output::Event(event) => self.event(event, effects)?,
            }
        }
    }

    fn event(&mut self, event: RtcEvent, effects: &mut Vec<Effect>) -> Result<(), CloseReason> {
        match event {
            RtcEvent::ChannelOpen(id, _) if id == self.channel && !self.open => {
                self.open = true;
                effects.push(Effect::Opened(self.remote));
            }
            RtcEvent::ChannelData(data) if data.id == self.channel => {
                effects.push(Effect::Received(Bytes::from(data.data)));
            }
            RtcEvent::ChannelClose(id) if id == self.channel => return Err(CloseReason::Remote),
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                return Err(CloseReason::Unreachable);
            }
            RtcEvent::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair;
                if let Some(round_trip) = pair.and_then(|pair| pair.current_round_trip_time) {
                    self.gauge.answered_after(round_trip);
                }
            }
            RtcEvent::Closed => return Err(CloseReason::Remote),
            _ => {}
        }
        Ok(())
    }

    /// Writes queued messages while SCTP has room. True if anything was written.
    fn flush(&mut self) -> Result<bool, CloseReason> {
        if !self.open || self.queue.is_empty() {
            return Ok(false);
        }
        let Some(mut channel) = self.rtc.channel(self.channel) else { return Ok(false) };
        let mut wrote = false;
        while let Some(message) = self.queue.front() {
            if !channel.write(true, message).map_err(|error| failed(&error))? {
                break;
            }
            self.gauge.written(message.len());
            self.queue.pop_front();
            wrote = true;
        }
        Ok(wrote)
    }
}

/// Both sides know the one channel beforehand, which saves a round trip of in-band negotiation.
fn channel_config() -> ChannelConfig {
    ChannelConfig { label: "tatum".to_owned(), negotiated: Some(0), ..ChannelConfig::default() }
}

fn description(error: impl std::fmt::Display) -> Error {
    Error::Description(error.to_string())
}

fn failed(error: &str0m::RtcError) -> CloseReason {
    tracing::debug!(%error, "a WebRTC session failed");
    CloseReason::Failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    const PATHS: Paths<'_> = Paths {
        local: &[SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9)],
        outside: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9)),
    };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_changed_session_description_makes_the_stack_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,5}"), 1..6),
        ) {
            let (now, patience) = (Instant::now(), Duration::from_secs(1));
            let (_, offer) = Peer::offering(&PATHS, now, patience).unwrap();
            let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
            for (at, text) in changes {
                let at = at.index(lines.len());
                let middle = lines[at].len() / 2;
                lines[at].insert_str(middle, &text);
            }
            let _ = Peer::answering(&lines.join("\r\n"), &PATHS, now, patience);
        }

        #[test]
        fn no_text_as_session_description_makes_the_stack_panic(text in "\\PC{0,400}") {
            let (now, patience) = (Instant::now(), Duration::from_secs(1));
            prop_assert!(Peer::answering(&text, &PATHS, now, patience).is_err());
        }
    }
}
