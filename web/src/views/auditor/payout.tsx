/** How an operator's payout of an epoch comes about, row by row. */
import { count, shortBytes } from '../../amounts';
import type { Payout } from '../../api/types';
import { useLoad } from '../../live';
import { Hash, Nano } from '../../parts/figures';
import { Heading, Section, Show, Table } from '../../parts/section';

export function PayoutView({ epoch, id }: { epoch: number; id: number }) {
  const loaded = useLoad<Payout>(`/v1/epochs/${epoch}/payouts/${id}`);
  return (
    <>
      <Heading
        title={`Payout of operator ${id} in epoch ${epoch}`}
        lead={
          <>
            <a href={`#/auditor/${epoch}`}>Epoch {count(epoch)}</a> · <a href={`#/operator/${id}`}>Operator {id}</a> ·{' '}
            <a href={`#/auditor/${epoch}/proof/${id}`}>its proof</a>
          </>
        }
      >
        How operator {id} was paid in epoch {count(epoch)}
      </Heading>
      <Show loaded={loaded}>
        {(payout) => (
          <>
            <Work payout={payout} />
            <Sum payout={payout} />
          </>
        )}
      </Show>
    </>
  );
}

function Work({ payout }: { payout: Payout }) {
  return (
    <Section title="From receipts to work">
      <p class="hint">
        A payer’s fee, without the pool’s part, follows its receipts: of what it steers, the operator earns its share of the bytes that came
        on time, cut to the nano.
      </p>
      <Table
        caption="Work by payer"
        rows={payout.work}
        empty="Nobody’s receipts count for this operator in this epoch."
        columns={[
          { name: 'Payer', cell: (row) => <a href={`#/publisher/${row.payer}`}><Hash hex={row.payer} /></a> },
          { name: 'Receipts', cell: (row) => count(row.receipts), numeric: true },
          { name: 'For this operator', cell: (row) => shortBytes(BigInt(row.units_bytes)), numeric: true },
          { name: 'Of the payer’s', cell: (row) => shortBytes(BigInt(row.payer_units_bytes)), numeric: true },
          { name: 'It steers, DATA', cell: (row) => <Nano nano={row.payer_steers_nano} unit={false} />, numeric: true },
          { name: 'Work, DATA', cell: (row) => <Nano nano={row.work_nano} unit={false} />, numeric: true },
        ]}
      />
    </Section>
  );
}

function Sum({ payout }: { payout: Payout }) {
  const rows: [string, string | null, string][] = [
    ['Work', payout.work_nano, 'the sum of the rows above'],
    ['At most', payout.cap_nano, payout.cap_nano === null ? 'no bound in this epoch' : 'what the declared capacity, backed by bond, is paid'],
    ['Paid of the work', payout.paid_nano, 'the smaller of the two'],
    ['From the pool', payout.pool_nano, 'for readiness, by bond, to who works'],
    ['For other roles', payout.role_nano, 'such as proposing'],
    ['This epoch', payout.total_nano, 'paid of the work, the pool and roles'],
    ['Before', payout.before_nano, 'earned up to the epoch before'],
    ['In all', payout.cumulative_nano, 'what the proof shows; less what was claimed, it can be claimed'],
  ];
  return (
    <Section title="From work to claim">
      <Table
        caption="The payout, added up"
        rows={rows}
        empty=""
        columns={[
          { name: 'Row', cell: ([name]) => name },
          { name: 'DATA', cell: ([, nano]) => (nano === null ? '–' : <Nano nano={nano} unit={false} />), numeric: true },
          { name: 'What it is', cell: ([, , what]) => what },
        ]}
      />
    </Section>
  );
}
