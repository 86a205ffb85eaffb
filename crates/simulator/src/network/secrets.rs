//! Streams with owners: whom they permit, and the keys that publishers give to subscribers.
//!
//! Invariant: keys and lists travel through the trackers only. Owners leave somebody out once, halfway.

use tatum_overlay::Message;
use tatum_overlay::attendance::TrackerNo;
use tatum_overlay::client::{Ask, Asked, Opened};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::permissions::PermissionList;
use tatum_primitives::{Address, NodeId};
use tatum_protocol::tracker::ToTracker;
use tatum_tracker::{Admitted, CheckedList};

use super::deployment::{first_of, group_of, session, stream_name, verifier};
use super::world::{EPOCH, World};

impl World {
    /// The owner of each stream, its first publisher, says whom it permits in all partitions: every publisher, and the
    /// subscribers, from the second version on without some.
    pub(super) fn publish_lists(&mut self, version: u64) {
        let scenario = self.scenario;
        for group in 0..=group_of(scenario.streams - 1) {
            let clients = (scenario.relays()..self.nodes.len())
                .filter(|number| group_of(scenario.stream_of(*number)) == group);
            let (publishers, subscribers): (Vec<usize>, Vec<usize>) =
                clients.partition(|number| *number >= scenario.nodes);
            let permitted = subscribers
                .into_iter()
                .filter(|number| version == 1 || !scenario.is_left_out(*number));
            let address = |number: usize| session(number).address();
            let Some(owner) = publishers.first().copied() else { continue };
            let list = PermissionList {
                stream: stream_name(first_of(group), &scenario).id,
                version,
                publishers: publishers.into_iter().map(address).collect(),
                subscribers: permitted.map(address).collect(),
            };
            self.post(list, owner);
        }
    }

    /// Posts a list to every tracker that is up, as owners do.
    fn post(&mut self, list: PermissionList, owner: usize) {
        let now = self.now();
        let signed = list.signed(&session(owner), &verifier());
        self.lists.retain(|held| held.list.stream != signed.list.stream);
        self.lists.push(signed.clone());
        let checked = CheckedList::check(signed, Some(verifier()), Some(&self.facts), EPOCH);
        let checked = checked.unwrap_or_else(|refusal| unreachable!("{refusal}"));
        for tracker in 0..self.trackers.len() {
            let mind = &mut self.trackers[tracker].tracker;
            if mind.admit_list(&checked, &now) == Ok(Admitted::New) {
                mind.enter_list(checked.clone());
                self.deliver(tracker);
            }
        }
    }

    /// A subscriber that needs a key asks for it.
    pub(super) fn ask_keys(&mut self, number: usize) {
        let now = self.now();
        let key = session(number);
        let (id, rng) = (self.nodes[number].id(), &mut self.rng);
        let Some(opener) = &mut self.nodes[number].opener else { return };
        opener.expire(now.monotonic_ms);
        let requests: Vec<KeyRequest> = opener
            .due(now.monotonic_ms, || rand::Rng::random(rng))
            .into_iter()
            .map(|Ask { name, secret }| {
                KeyRequest::sign(name, key.address(), id, secret, now.wall_ms, &key)
            })
            .collect();
        for request in requests {
            let stream = request.name.stream;
            let told: Vec<TrackerNo> = self.nodes[number].attendance.trackers_of(&stream).collect();
            for no in told {
                self.tell(number, no, ToTracker::AskKey(Box::new(request.clone())));
            }
        }
        self.open(number);
    }

    /// A publisher is asked for a key.
    pub(super) fn key_asked(
        &mut self,
        number: usize,
        no: TrackerNo,
        from: NodeId,
        request: &KeyRequest,
    ) {
        let now = self.now();
        let Some(keyring) = &mut self.nodes[number].keyring else { return };
        let at = Asked { wall_ms: now.wall_ms, monotonic_ms: now.monotonic_ms };
        let acts_for = |payer: Address, key: Address| payer == key;
        let random = rand::Rng::random(&mut self.rng);
        if let Some(answer) = keyring.answer(from, request, acts_for, at, random) {
            self.tell(number, no, ToTracker::GiveKey { to: from, answer: Box::new(answer) });
        }
    }

    /// A publisher answered.
    pub(super) fn key_given(&mut self, number: usize, answer: &KeyAnswer) {
        let now = self.now();
        if let Some(opener) = &mut self.nodes[number].opener {
            // A refusal is what those who are left out get.
            let _ = opener.answer(answer, now.monotonic_ms);
        }
        self.open(number);
    }

    /// A subscriber got a message, in order.
    pub(super) fn delivered(&mut self, number: usize, message: Message) {
        let now = self.now();
        let Some(index) = self.number_of(&message) else { return };
        let node = &mut self.nodes[number];
        node.delivered += 1;
        let last = node.last_delivered.insert(message.chain, message.at.sequence);
        node.misordered += u64::from(last.is_some_and(|last| message.at.sequence <= last));
        match &mut node.opener {
            Some(opener) => {
                opener.take(message, now.monotonic_ms);
                self.open(number);
            }
            None => {
                node.read.insert(index);
            }
        }
    }

    /// Takes what could be opened.
    fn open(&mut self, number: usize) {
        loop {
            let opened = self.nodes[number].opener.as_mut().and_then(|opener| opener.pop());
            match opened {
                None => return,
                Some(Opened::Unreadable(_)) => {}
                Some(Opened::Payload(message, _)) => {
                    if let Some(index) = self.number_of(&message) {
                        self.nodes[number].read.insert(index);
                    }
                }
            }
        }
    }
}
