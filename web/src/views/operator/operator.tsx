/** One operator: what it is and earns, what it still lacks, and what its owner may do. */
import { count } from '../../amounts';
import type { Account, OneOperator } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { FeeChoice, useFee } from '../../parts/fee';
import { Age, Bytes, Data, Figure, Figures, Hash, Nano } from '../../parts/figures';
import { Heading, Section, Show } from '../../parts/section';
import { EarningsChart } from './earnings';
import { Offered } from './hand_over';
import { Manage } from './manage';
import { Nodes } from './nodes';
import { State } from './operators';
import { PoolOfDelegators } from './pool';
import { Readiness } from './readiness';

/** What operators have declared that never declared anything: the most that 64 bits hold. */
const NO_BOUND = '18446744073709551615';

export function OperatorView({ id }: { id: number }) {
  const { session } = useSurroundings();
  const loaded = useLoad<OneOperator>(`/v1/operators/${id}`);
  // A pool owns its operator, and whoever owns the pool runs it.
  const owner = loaded.data ? (loaded.data.pool_owner ?? loaded.data.operator.owner) : undefined;
  const account = useLoad<Account>(owner ? `/v1/accounts/${owner}` : null);
  const mine = owner !== undefined && owner.toLowerCase() === session.connected?.account;
  return (
    <>
      <Heading title={`Operator ${id}`} lead={<a href="#/operator">All operators</a>}>
        Operator {id}
      </Heading>
      <Show loaded={loaded}>
        {(data) => (
          <>
            <Overview data={data} />
            <Offered data={data} />
            <Earned id={id} data={data} />
            <Readiness data={data} owner={account.data} />
            <Nodes data={data} mine={mine} />
            <PoolOfDelegators data={data} mine={mine} />
            {mine && <Manage data={data} />}
          </>
        )}
      </Show>
    </>
  );
}

function Overview({ data }: { data: OneOperator }) {
  const { operator } = data;
  return (
    <Section title="Bond and capacity" foot={<Age asOf={data.as_of} />}>
      <Figures>
        <Figure name="State">
          <State operator={operator} />
        </Figure>
        <Figure name="Bond" note={operator.bond_free_from !== null && `free from epoch ${count(operator.bond_free_from)}`}>
          <Data wei={operator.bond_wei} />
        </Figure>
        <Figure name="Capacity this epoch" note="backed by bond; pay ends there">
          <Bytes bytes={operator.capacity_bytes} />
        </Figure>
        <Figure name="Next epoch">
          <Bytes bytes={operator.next_capacity_bytes} />
        </Figure>
        <Figure name="Declared">
          {operator.declared_bytes === NO_BOUND ? 'all that its bond backs' : <Bytes bytes={operator.declared_bytes} />}
        </Figure>
        <Figure name="On the payout address">
          <Data wei={operator.payout_balance_wei} />
        </Figure>
      </Figures>
      <dl class="addresses">
        {data.name && (
          <>
            <dt>Name</dt>
            <dd>
              <bdi>{data.name}</bdi>
            </dd>
          </>
        )}
        <dt>Owner</dt>
        <dd>
          <Hash hex={operator.owner} whole />
        </dd>
        <dt>Payout address</dt>
        <dd>
          <Hash hex={operator.payout} whole />
        </dd>
      </dl>
    </Section>
  );
}

function Earned({ id, data }: { id: number; data: OneOperator }) {
  const { earned, operator } = data;
  const claimable = earned ? BigInt(earned.claimable_nano) : 0n;
  const fee = useFee(claimable > 0n);
  return (
    <Section title="Earnings" foot={<Age asOf={data.as_of} />}>
      <Figures>
        <Figure name="To be claimed">{earned ? <Nano nano={earned.claimable_nano} /> : 'nothing yet'}</Figure>
        {earned && (
          <Figure name="Earned in all" note={`by epoch ${count(earned.proof.epoch)}`}>
            <Nano nano={earned.proof.cumulative_nano} />
          </Figure>
        )}
        <Figure name="Claimed">
          <Nano nano={operator.claimed_nano} />
        </Figure>
      </Figures>
      {claimable > 0n && (
        <>
          <FeeChoice fee={fee} what="claims" />
          <Act
            label="Claim"
            action={() => ({ action: 'claim', operators: [id] })}
            paid={() => (fee.isPaid ? { action: 'claim', operator: id } : null)}
          />
          <p class="hint">Anybody may claim; the money goes to the payout address.</p>
        </>
      )}
      {earned && (
        <p>
          <a href={`#/auditor/${earned.proof.epoch}/proof/${id}`}>Verify the proof of these earnings</a>
        </p>
      )}
      <EarningsChart id={id} />
    </Section>
  );
}
