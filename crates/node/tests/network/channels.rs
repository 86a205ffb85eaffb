//! Payment channels over real sockets: one subscriber pays by channel, another from its stake, on one stream; a deposit is never
//! overdrawn; a relay that is too dear is paid from the stake.

use super::*;
use tatum_channel::Price;
use tatum_overlay::channel_book::Offer;
use tatum_receipt::checks::OpenChannel;

/// Has a channel with operator 0; everybody else pays from a stake alone.
const PAYER: u8 = 1;
const CHANNEL: B256 = B256::repeat_byte(0xc1);
/// A wei a byte, and a thousand wei a message.
const PRICE: Price = Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 1_000_000 };
const LIMIT: Price = PRICE;

fn channel_facts(deposited_wei: u128) -> SharedFacts {
    let open = OpenChannel { id: CHANNEL, deposited_wei, paid_wei: 0, is_exiting: false };
    SharedFacts::new(facts().channel(session(PAYER).address(), OperatorId(0), open))
}

struct Channels {
    network: Network,
    facts: SharedFacts,
}

impl Channels {
    async fn start(deposited_wei: u128) -> Self {
        Self { network: Network::start().await, facts: channel_facts(deposited_wei) }
    }

    fn relay(&self, price: Price) -> Running {
        let mut config = self.network.relay_config(0);
        config.facts = self.facts.clone();
        config.offer = Some(Offer { price, unsigned_limit_wei: 1_000_000 });
        run_relay(config)
    }

    fn client(&self, number: u8) -> ClientConfig {
        let mut config = self.network.client(number);
        config.facts = Some(self.facts.clone());
        config.channel_limit = Some(LIMIT);
        config
    }

    /// What the relay can redeem.
    async fn lanes(&self) -> Vec<DeliveryReceipt> {
        let file = self.network.relay_dir(0).join("node.db");
        let store = NodeStore::open_file(&file).await.unwrap();
        let lanes = store.lanes().await.unwrap();
        store.close().await;
        lanes.into_iter().map(|lane| lane.into_signed().receipt).collect()
    }
}

async fn publish(network: &Network, count: usize) {
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let input = lines(0, count).join("\n");
    publisher.publish_lines(input.as_bytes(), text, None, std::future::pending()).await.unwrap();
    assert_eq!(publisher.finish(PATIENCE).await.accepted, count as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_pays_by_channel_and_another_from_its_stake_on_one_stream() {
    let channels = Channels::start(1 << 60).await;
    let relay = channels.relay(PRICE);
    let by_channel = Subscriber::connect(channels.client(PAYER), &[stream()]).await.unwrap();
    let by_stake = Subscriber::connect(channels.client(2), &[stream()]).await.unwrap();
    let (by_channel, by_stake) = (read(by_channel, 2_000), read(by_stake, 2_000));
    publish(&channels.network, 2_000).await;
    for reading in [by_channel, by_stake] {
        let (subscriber, got) = reading.await.unwrap();
        assert_eq!(got, lines(0, 2_000));
        assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    }
    relay.stop().await;
    let lanes = channels.lanes().await;
    let [lane] = lanes.as_slice() else { panic!("{} lanes", lanes.len()) };
    assert_eq!((lane.payer, lane.channel), (session(PAYER).address(), CHANNEL));
    assert_eq!((lane.messages, lane.role), (2_000, Role::Subscriber));
    assert_eq!(Some(lane.owed), PRICE.owed_wei_down(lane.bytes, lane.messages));
    // The pool pays for the one and not for the other, whose receipts the aggregator gets all the same.
    assert_eq!(channels.network.receipted(Role::Subscriber, PAYER), 0);
    assert_eq!(channels.network.receipted(Role::Subscriber, 2), 2_000);
    let as_evidence = |receipt: &DeliveryReceipt| receipt.channel == CHANNEL;
    assert_eq!(channels.network.handed_in(Role::Subscriber, PAYER, as_evidence), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_goes_on_over_restarts_of_both_sides_and_a_dearer_price_is_for_what_follows() {
    let channels = Channels::start(1 << 60).await;
    let folder = channels.network.folder.path().join("subscriber");
    let mut owed = Vec::new();
    for (round, price) in [PRICE, Price { per_gib_wei: 1 << 29, ..PRICE }].into_iter().enumerate() {
        let relay = channels.relay(price);
        let mut config = channels.client(PAYER);
        (config.data_dir, config.history) = (Some(folder.clone()), 0);
        let subscriber = Subscriber::connect(config, &[stream()]).await.unwrap();
        // What a relay has is said after it admitted somebody; a message that came first would begin the chain.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let reading = read(subscriber, 300);
        publish(&channels.network, 300).await;
        let (subscriber, _) = reading.await.unwrap();
        assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0, "round {round}");
        relay.stop().await;
        let lanes = channels.lanes().await;
        assert_eq!(lanes.len(), 1);
        owed.push((lanes[0].owed, lanes[0].bytes, lanes[0].messages));
    }
    let [(first, bytes, messages), (second, all_bytes, all_messages)] = owed[..] else { panic!() };
    assert_eq!(Some(first), PRICE.owed_wei_down(bytes, messages));
    let cheaper = Price { per_gib_wei: 1 << 29, ..PRICE };
    let more = cheaper.owed_wei_down(all_bytes - bytes, all_messages - messages).unwrap();
    assert!((second - first).abs_diff(more) <= 2, "{second} - {first} is not {more}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_is_never_overdrawn_and_the_subscriber_is_told() {
    const DEPOSIT: u128 = 400_000;
    let channels = Channels::start(DEPOSIT).await;
    let relay = channels.relay(PRICE);
    let mut subscriber = Subscriber::connect(channels.client(PAYER), &[stream()]).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut count = 0;
        while let Ok(Some(item)) = timeout(Duration::from_secs(8), subscriber.next()).await {
            count += u64::from(matches!(item, Item::Message(_)));
        }
        (subscriber, count)
    });
    publish(&channels.network, 2_000).await;
    let (subscriber, count) = reading.await.unwrap();
    assert!((1..2_000).contains(&count), "{count} messages");
    let reason = subscriber.refusal().unwrap_or_default().to_owned();
    assert!(reason.contains("the channel covers"), "{reason}");
    subscriber.finish(PATIENCE).await;
    relay.stop().await;
    let lanes = channels.lanes().await;
    // One message beyond, at most.
    assert!(lanes[0].owed <= DEPOSIT + 2_000, "{}", lanes[0].owed);
    assert!(lanes[0].owed > DEPOSIT / 2, "{}", lanes[0].owed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_too_dear_is_paid_from_the_stake() {
    let channels = Channels::start(1 << 60).await;
    let relay = channels.relay(Price { per_gib_wei: LIMIT.per_gib_wei + 1, ..PRICE });
    let subscriber = Subscriber::connect(channels.client(PAYER), &[stream()]).await.unwrap();
    let reading = read(subscriber, 500);
    publish(&channels.network, 500).await;
    let (subscriber, _) = reading.await.unwrap();
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    relay.stop().await;
    assert_eq!(channels.lanes().await, []);
    assert_eq!(channels.network.receipted(Role::Subscriber, PAYER), 500);
}
