//! A subscriber's group keys, and the messages that wait for one.
//!
//! Invariant: the messages of a chain leave in the order they came, each opened or given up once; at
//! most [`MAX_HELD_BYTES`] of them wait, and none longer than [`PATIENCE_MS`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tatum_primitives::StreamKey;

use crate::exchange::{AskSecret, KeyAnswer, KeyName};
use crate::seal::{Content, GroupKey};
use crate::{ChainKey, Message};

/// Payload bytes that may wait for keys.
const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;
/// How long a message waits for its key.
const PATIENCE_MS: u64 = 60_000;
/// Keys that are remembered; the longest known is forgotten beyond it, and asked for again.
const MAX_KEYS: usize = 4_096;
/// Keys that are asked for at a time; further messages wait without asking.
const MAX_ASKED: usize = 1_024;
/// A request is made again after this, and then after twice as long each time.
const FIRST_RETRY_MS: u64 = 500;
/// The longest time until a request is made again.
const LAST_RETRY_MS: u64 = 10_000;

/// A message that waited long enough, or not at all.
#[derive(Debug)]
pub enum Opened {
    /// It opened.
    Payload(Message, Vec<u8>),
    /// Its key could not be had, or does not open it.
    Unreadable(Message),
}

/// A request to make.
#[derive(Debug)]
pub struct Ask<'a> {
    /// For which key.
    pub name: KeyName,
    /// With which secret.
    pub secret: &'a AskSecret,
}

#[derive(Debug)]
struct Asked {
    /// Of the newest request.
    secret: AskSecret,
    next_ms: u64,
    wait_ms: u64,
    refused: bool,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    until_ms: u64,
}

type Chain = (StreamKey, ChainKey);

/// Keys and what waits for them.
#[derive(Debug)]
pub struct Opener {
    fixed: Option<GroupKey>,
    keys: BTreeMap<KeyName, GroupKey>,
    order: VecDeque<KeyName>,
    waiting: BTreeMap<Chain, VecDeque<Waiting>>,
    held_bytes: usize,
    asked: BTreeMap<KeyName, Asked>,
    ready: VecDeque<Opened>,
}

impl Opener {
    /// With one key that was given by other means, or with those that publishers give.
    #[must_use]
    pub const fn new(fixed: Option<GroupKey>) -> Self {
        Self {
            fixed,
            keys: BTreeMap::new(),
            order: VecDeque::new(),
            waiting: BTreeMap::new(),
            held_bytes: 0,
            asked: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next message to hand over.
    pub fn pop(&mut self) -> Option<Opened> {
        self.ready.pop_front()
    }

    /// A message came, in its chain's order.
    pub fn take(&mut self, message: Message, now_ms: u64) {
        let chain = (message.stream_key, message.chain);
        let held = self.waiting.get(&chain).is_some_and(|waiting| !waiting.is_empty());
        if !held && self.key(&name_of(&message)).is_some() {
            return self.open(message);
        }
        self.held_bytes = self.held_bytes.saturating_add(message.ciphertext.len());
        let until_ms = now_ms.saturating_add(PATIENCE_MS);
        self.waiting.entry(chain).or_default().push_back(Waiting { message, until_ms });
        while self.held_bytes > MAX_HELD_BYTES {
            // The chain that waits for most gives way, so that one publisher cannot push out others.
            let Some(longest) = self.waiting.iter().max_by_key(|(_, waiting)| waiting.len()) else {
                return;
            };
            let chain = *longest.0;
            self.give_up(chain);
            self.release(chain);
        }
    }

    /// An answer came.
    ///
    /// # Errors
    /// Says what is wrong with it, if it is of no use.
    pub fn answer(&mut self, answer: &KeyAnswer, now_ms: u64) -> Result<(), String> {
        let name = *answer.name();
        let Some(asked) = self.asked.get_mut(&name) else { return Ok(()) };
        match answer {
            KeyAnswer::Granted(grant) => {
                let key = grant.open(&asked.secret).map_err(|error| error.to_string())?;
                self.learn(name, key);
                Ok(())
            }
            KeyAnswer::Refused { reason, .. } => {
                // The owner's permission may be on its way.
                asked.next_ms = asked.next_ms.max(now_ms.saturating_add(asked.wait_ms));
                let first = !std::mem::replace(&mut asked.refused, true);
                if first { Err(reason.clone()) } else { Ok(()) }
            }
        }
    }

    /// Requests that are due; `random` draws 32 bytes.
    pub fn due(&mut self, now_ms: u64, mut random: impl FnMut() -> [u8; 32]) -> Vec<Ask<'_>> {
        let fronts = self.waiting.values().filter_map(VecDeque::front);
        let wanted: BTreeSet<KeyName> = fronts.map(|front| name_of(&front.message)).collect();
        self.asked.retain(|name, _| wanted.contains(name));
        for name in &wanted {
            if self.asked.len() >= MAX_ASKED && !self.asked.contains_key(name) {
                continue;
            }
            self.asked.entry(*name).or_insert_with(|| Asked {
                secret: AskSecret::new(random()),
                next_ms: now_ms,
                wait_ms: FIRST_RETRY_MS,
                refused: false,
            });
        }
        let mut due = Vec::new();
        for (name, asked) in &mut self.asked {
            if now_ms >= asked.next_ms {
                asked.next_ms = now_ms.saturating_add(asked.wait_ms);
                asked.wait_ms = asked.wait_ms.saturating_mul(2).min(LAST_RETRY_MS);
                due.push(Ask { name: *name, secret: &asked.secret });
            }
        }
        due
    }

    /// Gives up messages that waited too long.
    pub fn expire(&mut self, now_ms: u64) {
        let late = |waiting: &VecDeque<Waiting>| {
            waiting.front().is_some_and(|front| now_ms >= front.until_ms)
        };
        let chains: Vec<Chain> =
            self.waiting.iter().filter(|(_, waiting)| late(waiting)).map(|(key, _)| *key).collect();
        for chain in chains {
            while self.waiting.get(&chain).is_some_and(late) {
                self.give_up(chain);
                self.release(chain);
            }
        }
    }

    /// Whether any message waits for its key.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn key(&self, name: &KeyName) -> Option<&GroupKey> {
        // With a key by other means nobody is asked.
        self.fixed.as_ref().or_else(|| self.keys.get(name))
    }

    fn learn(&mut self, name: KeyName, key: GroupKey) {
        self.asked.remove(&name);
        if self.keys.insert(name, key).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > MAX_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        let chains: Vec<Chain> = self.waiting.keys().copied().collect();
        for chain in chains {
            self.release(chain);
        }
    }

    /// Opens the messages of a chain up to one whose key is not known.
    fn release(&mut self, chain: Chain) {
        while let Some(front) = self.waiting.get(&chain).and_then(VecDeque::front) {
            if self.key(&name_of(&front.message)).is_none() {
                return;
            }
            let Some(message) = self.pop_waiting(chain) else { return };
            self.open(message);
        }
    }

    fn give_up(&mut self, chain: Chain) {
        if let Some(message) = self.pop_waiting(chain) {
            self.ready.push_back(Opened::Unreadable(message));
        }
    }

    fn pop_waiting(&mut self, chain: Chain) -> Option<Message> {
        let waiting = self.waiting.get_mut(&chain)?;
        let message = waiting.pop_front()?.message;
        if waiting.is_empty() {
            self.waiting.remove(&chain);
        }
        self.held_bytes = self.held_bytes.saturating_sub(message.ciphertext.len());
        Some(message)
    }

    fn open(&mut self, message: Message) {
        let name = name_of(&message);
        let opened = self.key(&name).map(|key| {
            key.open(message.stream_key, message.chain, message.at.sequence, &message.ciphertext)
        });
        match opened {
            Some(Ok(Content::Payload(payload))) => {
                self.ready.push_back(Opened::Payload(message, payload));
            }
            Some(Ok(Content::NextKey(key))) => {
                let next = KeyName { key_id: key.id(), ..name };
                self.learn(next, key);
            }
            Some(Err(_)) | None => self.ready.push_back(Opened::Unreadable(message)),
        }
    }
}

fn name_of(message: &Message) -> KeyName {
    KeyName {
        stream: message.stream_key,
        publisher: message.chain.publisher,
        key_id: message.key_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageRef;
    use crate::exchange::KeyRequest;
    use proptest::prelude::*;
    use tatum_primitives::{Address, B256, NodeId};
    use tatum_receipt::{SessionKey, Signature};

    const STREAM: StreamKey = StreamKey(B256::repeat_byte(1));

    fn chain(number: u64) -> ChainKey {
        ChainKey { publisher: Address::repeat_byte(2), chain: number }
    }

    fn key(byte: u8) -> GroupKey {
        GroupKey::new([byte; 32])
    }

    fn sealed(place: (u64, u64), under: u8, next: Option<u8>) -> Message {
        let (chain, sequence) = (chain(place.0), place.1);
        let ciphertext = match next {
            Some(next) => key(under).seal_next(STREAM, chain, sequence, &key(next)),
            None => key(under).seal(STREAM, chain, sequence, &[u8::try_from(sequence).unwrap()]),
        };
        Message {
            stream_key: STREAM,
            chain,
            at: MessageRef { timestamp_ms: 1, sequence },
            previous: None,
            key_id: key(under).id(),
            ciphertext: ciphertext.unwrap(),
            signature: Signature([0; 65]),
        }
    }

    /// What came out: a number for a payload, `None` for what stays closed.
    fn out(opener: &mut Opener) -> Vec<Option<u8>> {
        std::iter::from_fn(|| opener.pop())
            .map(|opened| match opened {
                Opened::Payload(_, payload) => Some(payload[0]),
                Opened::Unreadable(_) => None,
            })
            .collect()
    }

    /// The answer to every request that is due.
    fn answers(opener: &mut Opener, now_ms: u64, known: &[u8]) -> Vec<KeyAnswer> {
        let session = SessionKey::from_bytes(&[3; 32]).unwrap();
        let mut number = 0;
        let random = || {
            number += 1;
            [number; 32]
        };
        let due = opener.due(now_ms, random).into_iter().filter_map(|ask| {
            let key = known.iter().map(|byte| key(*byte)).find(|k| k.id() == ask.name.key_id)?;
            let (payer, node) = (session.address(), NodeId(B256::ZERO));
            let request = KeyRequest::sign(ask.name, payer, node, ask.secret, 1, &session);
            Some(KeyAnswer::Granted(request.grant(&key, [77; 32]).unwrap()))
        });
        due.collect()
    }

    #[test]
    fn messages_wait_for_their_key_and_leave_in_order() {
        let mut opener = Opener::new(None);
        for number in 0..3 {
            opener.take(sealed((1, number), 5, None), 0);
        }
        assert!(out(&mut opener).is_empty() && opener.is_waiting());
        for answer in answers(&mut opener, 0, &[5]) {
            opener.answer(&answer, 0).unwrap();
        }
        assert_eq!(out(&mut opener), [Some(0), Some(1), Some(2)]);
        opener.take(sealed((1, 3), 5, None), 0);
        assert_eq!(out(&mut opener), [Some(3)]);
        assert!(!opener.is_waiting());
    }

    #[test]
    fn a_key_that_is_handed_on_needs_no_request() {
        let mut opener = Opener::new(None);
        opener.take(sealed((1, 0), 5, None), 0);
        opener.take(sealed((1, 1), 5, Some(6)), 0);
        opener.take(sealed((1, 2), 6, None), 0);
        opener.take(sealed((1, 3), 7, None), 0);
        let given = answers(&mut opener, 0, &[5]);
        assert_eq!(given.len(), 1);
        opener.answer(&given[0], 0).unwrap();
        assert_eq!(out(&mut opener), [Some(0), Some(2)]);
        // The next one was drawn anew.
        let given = answers(&mut opener, 1, &[5, 6, 7]);
        assert_eq!(given.len(), 1);
        opener.answer(&given[0], 1).unwrap();
        assert_eq!(out(&mut opener), [Some(3)]);
    }

    #[test]
    fn requests_are_repeated_ever_more_slowly_and_messages_given_up_in_the_end() {
        let mut opener = Opener::new(None);
        opener.take(sealed((1, 0), 5, None), 0);
        let mut made = 0;
        for now_ms in 0..PATIENCE_MS {
            made += opener.due(now_ms, || [1; 32]).len();
            opener.expire(now_ms);
        }
        assert_eq!(made, 10);
        assert!(out(&mut opener).is_empty());
        opener.expire(PATIENCE_MS);
        assert_eq!(out(&mut opener), [None]);
        assert!(opener.due(PATIENCE_MS, || [1; 32]).is_empty());
    }

    #[test]
    fn a_refusal_is_told_once_and_asked_again() {
        let mut opener = Opener::new(None);
        opener.take(sealed((1, 0), 5, None), 0);
        let name = name_of(&sealed((1, 0), 5, None));
        let no = KeyAnswer::Refused { name, reason: "no".to_owned() };
        assert_eq!(opener.answer(&no, 0), Ok(()), "nobody asked");
        assert_eq!(opener.due(0, || [1; 32]).len(), 1);
        assert_eq!(opener.answer(&no, 0), Err("no".to_owned()));
        assert_eq!(opener.answer(&no, 0), Ok(()));
        assert_eq!(opener.due(5_000, || [1; 32]).len(), 1);
    }

    #[test]
    fn one_key_by_other_means_opens_or_does_not() {
        let mut opener = Opener::new(Some(key(5)));
        opener.take(sealed((1, 0), 5, None), 0);
        opener.take(sealed((1, 1), 6, None), 0);
        assert_eq!(out(&mut opener), [Some(0), None]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_longest_queue_gives_way() {
        let mut opener = Opener::new(None);
        let large = |place| Message { ciphertext: vec![0; 1 << 20], ..sealed(place, 5, None) };
        opener.take(sealed((2, 0), 5, None), 0);
        for number in 0..40 {
            opener.take(large((1, number)), 0);
        }
        assert!(opener.held_bytes <= MAX_HELD_BYTES);
        assert_eq!(out(&mut opener), vec![None; 9]);
        assert_eq!(opener.waiting[&(STREAM, chain(2))].len(), 1);
    }

    proptest! {
        #[test]
        fn however_keys_come_each_chain_leaves_in_order_and_whole(
            steps in prop::collection::vec((0_u8..3, 0_u64..3, 0_u8..4), 1..80),
        ) {
            let mut opener = Opener::new(None);
            let mut next = BTreeMap::<u64, u64>::new();
            let mut got = BTreeMap::<u64, Vec<u64>>::new();
            let mut now_ms = 0;
            for (step, chain, under) in steps {
                now_ms += 700;
                if step < 2 {
                    let number = next.entry(chain).or_default();
                    opener.take(sealed((chain, *number), 10 + under, None), now_ms);
                    *number += 1;
                } else {
                    for answer in answers(&mut opener, now_ms, &[10 + under]) {
                        opener.answer(&answer, now_ms).unwrap();
                    }
                }
                opener.expire(now_ms);
                for opened in std::iter::from_fn(|| opener.pop()) {
                    let (Opened::Payload(message, _) | Opened::Unreadable(message)) = opened;
                    got.entry(message.chain.chain).or_default().push(message.at.sequence);
                }
            }
            opener.expire(u64::MAX);
            for opened in std::iter::from_fn(|| opener.pop()) {
                let (Opened::Payload(message, _) | Opened::Unreadable(message)) = opened;
                got.entry(message.chain.chain).or_default().push(message.at.sequence);
            }
            for (chain, count) in next {
                prop_assert_eq!(&got[&chain], &(0..count).collect::<Vec<_>>());
            }
            prop_assert_eq!(opener.held_bytes, 0);
        }
    }
}
