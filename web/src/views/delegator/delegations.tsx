/** What an account has delegated, and the way to a pool. */
import { useState } from 'preact/hooks';
import { shortNano } from '../../amounts';
import type { Holdings } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Field } from '../../parts/field';
import { Age, Data, Hash } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { FirstHeading, Section, Show, Table } from '../../parts/section';

const PAGE = 20;

export function DelegationsView({ address }: { address: string | null }) {
  const { session } = useSurroundings();
  const own = session.connected?.account ?? null;
  const shown = address?.toLowerCase() ?? own;
  return (
    <>
      <FirstHeading view="delegator" />
      {shown ? <Held key={shown} account={shown} mine={shown === own} /> : <p class="empty">Connect a wallet to see its delegations.</p>}
      <Choose />
    </>
  );
}

function Held({ account, mine }: { account: string; mine: boolean }) {
  const [after, setAfter] = useState<number[]>([]);
  const held = useLoad<Holdings>(
    `/v1/accounts/${account}/delegations${pageOf(PAGE, 'after', after)}`,
  );
  return (
    <Section title={mine ? 'Your delegations' : 'Its delegations'} foot={held.data && <Age asOf={held.data.as_of} />}>
      <p class="who">
        {mine ? 'Your account' : 'Looking at'} <Hash hex={account} whole />
      </p>
      <Show loaded={held}>
        {({ delegations, next }) => (
          <>
            <Table
              caption="Delegations"
              rows={delegations}
              empty="Nothing was delegated."
              columns={[
                { name: 'Operator', cell: (row) => <a href={`#/delegator/${row.operator}`}>{row.operator}</a> },
                { name: 'Shares', cell: (row) => shortNano(BigInt(row.shares)), numeric: true },
                { name: 'Worth', cell: (row) => <Data wei={row.worth_wei} />, numeric: true },
                { name: 'Pool', cell: (row) => <Hash hex={row.pool} /> },
              ]}
            />
            <Pages places={after} next={next} onPlaces={setAfter} />
          </>
        )}
      </Show>
    </Section>
  );
}

function Choose() {
  const [id, setId] = useState('');
  const [error, setError] = useState<string | null>(null);
  const go = (event: Event) => {
    event.preventDefault();
    if (/^\d{1,10}$/.test(id.trim())) location.hash = `#/delegator/${Number(id)}`;
    else setError('An operator is a number, such as 0.');
  };
  return (
    <Section title="An operator’s pool">
      <form onSubmit={go} class="row">
        <Field
          label="Operator"
          mode="numeric"
          value={id}
          onValue={(value) => (setError(null), setId(value))}
          error={error}
          hint={
            <>
              <a href="#/operator">All operators</a>
            </>
          }
        />
        <button type="submit" class="quiet">
          Show the pool
        </button>
      </form>
    </Section>
  );
}
