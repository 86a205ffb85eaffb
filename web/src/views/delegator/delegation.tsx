/** One pool of delegators: what it is worth and takes, what one's own part is, and what to do with it. */
import { useState } from 'preact/hooks';
import { count, percentOfBps, shortNano } from '../../amounts';
import type { Delegation, DelegationPool } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { AskedBack } from '../../parts/asked_back';
import { Age, Data, Figure, Figures, Hash, When } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { Heading, Section, Show } from '../../parts/section';
import { DelegateForm, RequestForm } from './money';

const REQUESTS = 20;

export function DelegationView({ id }: { id: number }) {
  const { session } = useSurroundings();
  const own = session.connected?.account ?? null;
  const [before, setBefore] = useState<number[]>([]);
  const page = pageOf(REQUESTS, 'before', before);
  const loaded = useLoad<Delegation>(`/v1/operators/${id}/delegation${own ? `/${own}${page}` : ''}`);
  return (
    <>
      <Heading title={`Pool of operator ${id}`} lead={<a href={`#/operator/${id}`}>The operator</a>}>
        Pool of operator {id}
      </Heading>
      <Show loaded={loaded}>
        {(data) => (
          <>
            <Pool data={data} />
            {data.pool.delegator && (
              <Section title="Your part" foot={<Age asOf={data.as_of} />}>
                <Part pool={data.pool} />
                <Pages places={before} next={data.next} onPlaces={setBefore} />
              </Section>
            )}
            <div class="columns">
              <DelegateForm pool={data.pool} />
              {data.pool.delegator && BigInt(data.pool.delegator.shares) > 0n && <RequestForm pool={data.pool} />}
            </div>
          </>
        )}
      </Show>
    </>
  );
}

function Pool({ data: { as_of, pool } }: { data: Delegation }) {
  const rise =
    pool.next_cut_bps !== null && pool.next_cut_from !== null
      ? `${percentOfBps(pool.next_cut_bps)} from epoch ${count(pool.next_cut_from)} on`
      : 'of every income, to the owner';
  const idle = BigInt(pool.uncollected_wei) > 0n || BigInt(pool.balance_wei) > BigInt(pool.leaving_wei);
  return (
    <Section title="Pool" foot={<Age asOf={as_of} />}>
      {pool.retired && <p class="notice warn">The operator has asked to leave for good: nothing can be delegated to it any more.</p>}
      <Figures>
        <Figure name="Delegated" note={`${shortNano(BigInt(pool.shares))} shares, ${shortNano(BigInt(pool.own_shares))} the owner’s`}>
          <Data wei={pool.active_wei} />
        </Figure>
        <Figure name="Cut" note={rise}>
          {percentOfBps(pool.cut_bps)}
        </Figure>
        <Figure name="Room for" note="as far as the owner’s own part carries">
          <Data wei={pool.max_delegation_wei} />
        </Figure>
        <Figure name="Income to come" note={BigInt(pool.unreleased_wei) > 0n && <When time_s={pool.release_ends_s} />}>
          <Data wei={pool.unreleased_wei} />
        </Figure>
        <Figure name="Leaving">
          <Data wei={pool.leaving_wei} />
        </Figure>
        <Figure name="Bond" note={BigInt(pool.uncollected_wei) > 0n && 'with income that was not collected yet'}>
          <Data wei={pool.bond_wei} />
        </Figure>
      </Figures>
      <dl class="addresses">
        <dt>Pool</dt>
        <dd>
          <Hash hex={pool.pool} whole />
        </dd>
        <dt>Owner</dt>
        <dd>
          <Hash hex={pool.owner} whole />
        </dd>
      </dl>
      {idle && <Act label="Collect" quiet action={() => ({ action: 'collect_delegation', operator: pool.operator })} />}
      {idle && <p class="hint">Anybody may: takes in what came to the pool, and moves money between it and the bond.</p>}
    </Section>
  );
}

function Part({ pool }: { pool: DelegationPool }) {
  const { delegator } = pool;
  if (!delegator) return null;
  return (
    <>
      <Figures>
        <Figure name="Worth" note={`${shortNano(BigInt(delegator.shares))} shares`}>
          <Data wei={delegator.worth_wei} />
        </Figure>
      </Figures>
      <AskedBack
        rows={delegator.requests}
        redeem={(requested) => ({ action: 'redeem_delegation', operator: pool.operator, requested })}
        waits={() => 'waits'}
      />
    </>
  );
}
