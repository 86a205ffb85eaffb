/** The network's figures, and what one can do here. */
import { count, percent } from '../amounts';
import { useSurroundings } from '../context';
import { useNow } from '../live';
import { Age, Bytes, Data, Figure, Figures, Hash, Until, When } from '../parts/figures';
import { FirstHeading, Section, Table } from '../parts/section';
import { span } from '../times';
import { PriceChart } from './price_chart';
import { Prices } from './prices';
import { Streams } from './streams';

export function NetworkView() {
  const { network } = useSurroundings();
  return (
    <>
      <FirstHeading view="network" />
      <Doors />
      <Section title={`Epoch ${count(network.epoch)}`} foot={<Age asOf={network.as_of} />}>
        <EpochProgress />
        <Figures>
          <Figure name="Ends in" note={<When time_s={network.epoch_ends_at_s} />}>
            <Until time_s={network.epoch_ends_at_s} />
          </Figure>
          <Figure name="Length of an epoch">{span(network.epoch_length_s)}</Figure>
          <Figure name="Fee of an epoch" note="of every stake">
            {percent(network.fee_rate_ppb)}
          </Figure>
          <Figure name="Operators">{count(network.operators)}</Figure>
          <Figure name="Epochs paid" note={`${count(network.closed_epochs)} closed`}>
            {network.finalized_epoch === null ? 'none yet' : `up to ${count(network.finalized_epoch)}`}
          </Figure>
          <Figure name="Unstaking waits" note="and pays the running epoch’s fee">
            {count(network.unbonding_epochs)} {network.unbonding_epochs === 1 ? 'epoch' : 'epochs'}
          </Figure>
          <Figure name="Least stake">
            <Data wei={network.minimum_stake_wei} />
          </Figure>
          <Figure name="Least bond">
            <Data wei={network.minimum_bond_wei} />
          </Figure>
        </Figures>
      </Section>
      <Section title="Quota per DATA">
        <Figures>
          <Figure name="This epoch">
            <Bytes bytes={network.quota_bytes_per_data} />
          </Figure>
          <Figure name="Next epoch">
            <Bytes bytes={network.next_quota_bytes_per_data} />
          </Figure>
        </Figures>
        <PriceChart />
      </Section>
      <Prices />
      <Streams />
      <Section title="Contracts" foot={<Age asOf={network.as_of} />}>
        <p class="hint">Chain {network.chain_id}. Compare these with what you were told elsewhere before you stake.</p>
        <Table
          caption="Addresses of the contracts"
          rows={Object.entries(network.deployment).filter((row): row is [string, `0x${string}`] => typeof row[1] === 'string')}
          columns={[
            { name: 'Contract', cell: ([name]) => name.replace(/_/g, ' ') },
            { name: 'Address', cell: ([, address]) => <Hash hex={address} whole /> },
          ]}
          empty="The server names no contracts."
        />
      </Section>
    </>
  );
}

function Doors() {
  return (
    <ul class="doors">
      <li>
        <a href="#/publisher">
          <strong>Publish</strong>
          <span>Plan a stake, stake in one flow, see your quota and what was used of it.</span>
        </a>
      </li>
      <li>
        <a href="#/operator">
          <strong>Operate</strong>
          <span>Register, add nodes, declare capacity, see earnings and claim them.</span>
        </a>
      </li>
      <li>
        <a href="#/sponsor">
          <strong>Sponsor</strong>
          <span>Pay for streams that others read, together with others, by a vault.</span>
        </a>
      </li>
      <li>
        <a href="#/auditor">
          <strong>Audit</strong>
          <span>Follow a payout row by row and verify its proof in this browser.</span>
        </a>
      </li>
    </ul>
  );
}

function EpochProgress() {
  const { network } = useSurroundings();
  const passed = Math.max(0, useNow() / 1000 - network.epoch_started_at_s);
  const value = Math.min(passed, network.epoch_length_s);
  return <progress aria-label="Part of the epoch that has passed" value={Math.floor(value)} max={network.epoch_length_s} />;
}
