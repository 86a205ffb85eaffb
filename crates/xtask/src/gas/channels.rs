//! What payment channels cost: a payer whose receipts a session key signs, an operator that was paid before, lanes that are there.

use anyhow::{Context, ensure};
use tatum_chain::bindings::{ChannelHub, DataToken, StakePool};
use tatum_channel::close_digest;
use tatum_primitives::{
    B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey, eip712_digest, keccak256,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, Signature, SignedReceipt, Verifier};
use tatum_test_utils::Devnet;

use alloy::primitives::{Bytes, FixedBytes};
use alloy::providers::DynProvider;

use super::{Bench, DATA, Figures, NODE, data, mined, note, provider, receipt, send};

const OPERATOR: u32 = 0;
const WINDOW_MINUTES: u16 = 60;
const MANY: u32 = 50;

/// A payer beside the account that does everything else, so that nothing is warm that would not be.
struct Payer {
    account: SessionKey,
    session: SessionKey,
    hub: ChannelHub::ChannelHubInstance<DynProvider>,
}

impl Bench {
    /// Everything that happens to a channel, each for the second time where there is one.
    pub(super) async fn channelling(&self, figures: &mut Figures) -> anyhow::Result<()> {
        let payer = self.channel_payer().await?;
        let address = payer.account.address();
        // As the operator's account: it is who redeems.
        let hub = ChannelHub::new(*payer.hub.address(), self.provider.clone());
        let open = payer.hub.open(OPERATOR, WINDOW_MINUTES, data(1_000));
        note(figures, "channel_open", send!(open, "opening a channel"));

        let epoch = self.pool.currentEpoch().call().await.context("reading the epoch")?;
        let channel = hub.channelIdOf(address, OPERATOR).call().await.context("reading the id")?;
        let owing = |reader, owed| payer.signed(self, (channel, epoch), reader, owed);
        send!(hub.redeem(words(&owing(0, 1)?)), "redeeming the first of a lane");
        note(figures, "channel_redeem", send!(hub.redeem(words(&owing(0, 2)?)), "redeeming"));

        let mut many_gas = 0;
        for owed in 1..=2 {
            let many = (1..=MANY).map(|reader| Ok(owing(reader, owed)?.encode()));
            let many: Vec<_> = many.collect::<anyhow::Result<_>>()?;
            many_gas = send!(hub.redeemMany(many.concat().into()), "redeeming many");
        }
        note(figures, "channel_redeem_many_50", many_gas.div_ceil(u64::from(MANY)));
        note(figures, "channel_redeem_many_50_in_all", many_gas);

        note(figures, "channel_exit", send!(payer.hub.exit(OPERATOR), "leaving a channel"));
        note(figures, "channel_answer", send!(hub.redeem(words(&owing(0, 3)?)), "answering"));
        self.devnet.anvil().advance(u64::from(WINDOW_MINUTES) * 60).await?;
        note(figures, "channel_settle", send!(hub.settle(address, OPERATOR), "settling"));
        self.closing(&payer, &hub, figures).await
    }

    /// An agreed end, which the operator sends with the payer's signature.
    async fn closing(
        &self,
        payer: &Payer,
        hub: &ChannelHub::ChannelHubInstance<DynProvider>,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let address = payer.account.address();
        send!(payer.hub.open(OPERATOR, WINDOW_MINUTES, data(1_000)), "opening a channel again");
        let epoch = self.pool.currentEpoch().call().await.context("reading the epoch")?;
        let channel = hub.channelIdOf(address, OPERATOR).call().await.context("reading the id")?;
        let first = payer.signed(self, (channel, epoch), 0, 1)?;
        send!(hub.redeem(words(&first)), "redeeming");
        let chain_id = self.devnet.deployment().chain_id;
        let digest = close_digest(chain_id, *hub.address(), channel, 10 * DATA);
        let by_payer = Bytes::from(Signature::sign(&payer.account, digest).0.to_vec());
        let close = hub.close(address, OPERATOR, data(10), by_payer, Bytes::new());
        note(figures, "channel_close", send!(close, "closing a channel"));
        Ok(())
    }

    /// With tokens, an approval, a session key, and somebody's channel with the same operator before it.
    async fn channel_payer(&self) -> anyhow::Result<Payer> {
        let account = Devnet::account("gas channels");
        let session = Devnet::account("gas channels session");
        self.devnet.fund(account.address(), data(1_000_000)).await?;
        let provider = provider(&self.devnet, &account.to_bytes())?;
        let deployment = self.devnet.deployment();
        let hub = ChannelHub::new(deployment.channel_hub, provider.clone());
        let token = DataToken::new(deployment.token, provider.clone());
        send!(token.approve(deployment.channel_hub, data(500_000)), "approving");
        let type_hash = keccak256("SessionKeyAuthorization(address payer,address key)");
        let words = [type_hash, account.address().into_word(), session.address().into_word()];
        let encoded: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
        let digest = eip712_digest(deployment.domain().separator(), keccak256(encoded));
        let proof = Bytes::from(Signature::sign(&session, digest).0.to_vec());
        let pool = StakePool::new(deployment.stake_pool, provider);
        send!(pool.authorizeSessionKey(session.address(), proof), "authorising a key");
        send!(self.token.approve(deployment.channel_hub, data(1_000)), "approving");
        let other = ChannelHub::new(deployment.channel_hub, self.provider.clone());
        send!(other.open(OPERATOR, WINDOW_MINUTES, data(1_000)), "opening another's channel");
        Ok(Payer { account, session, hub })
    }
}

impl Payer {
    /// A receipt that owes so many DATA in the lane of a reader.
    fn signed(
        &self,
        bench: &Bench,
        (channel, epoch): (B256, u64),
        reader: u32,
        owed: u128,
    ) -> anyhow::Result<SignedReceipt> {
        let receipt = DeliveryReceipt {
            payer: self.account.address(),
            operator_id: OperatorId(OPERATOR),
            node: NodeId(NODE),
            stream_key: StreamKey(B256::repeat_byte(1)),
            role: Role::Subscriber,
            reader: ReaderId(reader),
            epoch: Epoch(epoch),
            sequence: 1_000,
            messages: 25_000,
            bytes: 3_000_000,
            bytes_on_time: 2_900_000,
            contents: keccak256("contents"),
            channel,
            owed: owed.checked_mul(DATA).context("too much")?,
        };
        let verifier = Verifier::new(bench.devnet.deployment().domain());
        Ok(SignedReceipt::sign(receipt, &self.session, &verifier))
    }
}

/// As `redeem` takes it.
fn words(signed: &SignedReceipt) -> [FixedBytes<32>; 9] {
    let mut bytes = [0; 288];
    bytes[..278].copy_from_slice(&signed.encode());
    let (words, _) = bytes.as_chunks::<32>();
    std::array::from_fn(|at| words[at].into())
}
