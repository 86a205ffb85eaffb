//! Clocks that are wrong: found out, shown, and not paid for by relays.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// A machine's clock that is wrong, and can be corrected as [`SystemClock`] can.
#[derive(Debug)]
struct Wrong {
    right: Arc<dyn Clock>,
    by_ms: i64,
    corrected_ms: AtomicI64,
}

impl Wrong {
    fn new(right: &Arc<dyn Clock>, by_ms: i64) -> Arc<Self> {
        Arc::new(Self { right: Arc::clone(right), by_ms, corrected_ms: AtomicI64::new(0) })
    }
}

impl Clock for Wrong {
    fn wall_ms(&self) -> u64 {
        self.machine_ms().saturating_add_signed(self.corrected_ms.load(Ordering::Relaxed))
    }

    fn machine_ms(&self) -> u64 {
        self.right.wall_ms().saturating_add_signed(self.by_ms)
    }

    fn correct(&self, offset_ms: i64) {
        self.corrected_ms.store(offset_ms, Ordering::Relaxed);
    }

    fn monotonic_ms(&self) -> u64 {
        self.right.monotonic_ms()
    }

    fn schedule(&self) -> EpochSchedule {
        self.right.schedule()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_seconds_of_clock_error_cost_no_relay_its_pay_and_are_shown() {
    let network = Network::start().await;
    let status = free_address();
    let mut config = network.relay_config(0);
    config.http = Some(status);
    config.clock = Wrong::new(&network.clock, -10_000);
    let relay = run_relay(config);
    let mut clients = Vec::new();
    for by_ms in [10_000, -10_000] {
        let number = if by_ms > 0 { 1 } else { 2 };
        let clock = Wrong::new(&network.clock, by_ms);
        let config = ClientConfig { clock, ..network.client(number) };
        clients.push(Subscriber::connect(config, &[stream()]).await.unwrap());
    }
    let clock = Wrong::new(&network.clock, -10_000);
    let config = ClientConfig { clock, ..network.client(3) };
    let mut publisher = Publisher::connect(config, &stream()).await.unwrap();
    for line in lines(0, 200) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    for subscriber in clients {
        let (subscriber, _) = read(subscriber, 200).await.unwrap();
        subscriber.finish(PATIENCE).await;
    }
    publisher.finish(PATIENCE).await;
    let text = reqwest::get(format!("http://{status}/status")).await.unwrap();
    let shown: serde_json::Value = text.json().await.unwrap();
    let ahead_ms = shown["trackers"][0]["clock_ahead_ms"].as_i64().unwrap();
    assert!((8_000..=12_000).contains(&ahead_ms), "{ahead_ms}");
    relay.stop().await;
    for payer in [1, 2] {
        let payer = session(payer).address();
        let held = network.held.lock().unwrap();
        let of = held.iter().filter(|(key, _)| key.payer == payer && key.role == Role::Subscriber);
        let (bytes, on_time) = of.fold((0, 0), |(bytes, on_time), (_, signed)| {
            (bytes + signed.receipt.bytes, on_time + signed.receipt.bytes_on_time)
        });
        assert!(bytes > 0);
        assert_eq!(on_time, bytes, "what came at once counts as late");
    }
}
