/** How an operator's payout of an epoch comes about, row by row. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Payout } from '../../api/types';
import { useLoad } from '../../live';
import { Hash, Nano } from '../../parts/figures';
import { Heading, Section, Show, Table } from '../../parts/section';
import { ChangedOf } from './changed';

/** Payers in one answer. */
const PAGE = 100;

export function PayoutView({ epoch, id }: { epoch: number; id: number }) {
  const [offset, setOffset] = useState(0);
  const loaded = useLoad<Payout>(`/v1/epochs/${epoch}/payouts/${id}?offset=${offset}&limit=${PAGE}`);
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
            <div class="buttons">
              {offset > 0 && (
                <button type="button" class="quiet" onClick={() => setOffset(Math.max(0, offset - PAGE))}>
                  Payers before
                </button>
              )}
              {payout.next_offset != null && (
                <button type="button" class="quiet" onClick={() => setOffset(payout.next_offset ?? 0)}>
                  More payers
                </button>
              )}
            </div>
            <Sum payout={payout} />
          </>
        )}
      </Show>
    </>
  );
}

function Work({ payout }: { payout: Payout }) {
  return (
    <Section title="From receipts to work" foot={<ChangedOf epoch={payout.epoch} />}>
      <p class="hint">
        A payer’s fee, without the pool’s part, follows its receipts: of what it steers, the operator earns its share of the bytes
        that came on time, cut to the nano.
      </p>
      <Table
        caption="Work by payer"
        rows={payout.work}
        empty="Nobody’s receipts count for this operator in this epoch."
        columns={[
          {
            name: 'Payer',
            cell: (row) => (
              <a href={`#/publisher/${row.payer}`}>
                <Hash hex={row.payer} />
              </a>
            ),
          },
          { name: 'Receipts', cell: (row) => count(row.receipts), numeric: true },
          { name: 'Its bytes', cell: (row) => count(row.units_bytes), numeric: true },
          { name: 'Of the payer’s bytes', cell: (row) => count(row.payer_units_bytes), numeric: true },
          { name: 'It steers, DATA', cell: (row) => <Nano nano={row.payer_steers_nano} unit={false} exact />, numeric: true },
          { name: 'Work, DATA', cell: (row) => <Nano nano={row.work_nano} unit={false} exact />, numeric: true },
        ]}
      />
    </Section>
  );
}

function Sum({ payout }: { payout: Payout }) {
  const rows: [string, string, string][] = [
    ['Work', payout.work_nano, 'the sum of all payers’ rows'],
    ['At the full price', payout.cap_nano, 'what the declared capacity, backed by bond, may earn at most'],
    ['Paid of the work', payout.paid_nano, 'in full up to that; half of what is beyond, up to three times of it'],
    ['From the pool', payout.pool_nano, 'for readiness, by bond, to who works'],
    ['For other roles', payout.role_nano, 'than a relay’s, where the rule knows another'],
    ['This epoch', payout.total_nano, 'paid of the work, the pool and roles'],
    ['Before', payout.before_nano, 'earned up to the epoch before'],
    ['In all', payout.cumulative_nano, 'what the proof shows; less what was claimed, it can be claimed'],
  ];
  return (
    <Section title="From work to claim" foot={<ChangedOf epoch={payout.epoch} />}>
      <Table
        caption="The payout, added up"
        rows={rows}
        empty=""
        columns={[
          { name: 'Row', cell: ([name]) => name },
          { name: 'DATA', cell: ([, nano]) => <Nano nano={nano} unit={false} exact />, numeric: true },
          { name: 'What it is', cell: ([, , what]) => what },
        ]}
      />
    </Section>
  );
}
