/** What an account was billed because its receipts stated more than its quota. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { BilledOverages, Hex } from '../../api/types';
import { useLoad } from '../../live';
import { Age, Data, Hash } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { Section, Show, Table } from '../../parts/section';

const PAGE = 10;

export function Overages({ payer }: { payer: Hex }) {
  const [before, setBefore] = useState<number[]>([]);
  const bills = useLoad<BilledOverages>(
    `/v1/accounts/${payer}/overages${pageOf(PAGE, 'before', before)}`,
  );
  return (
    <Section title="Overage" foot={bills.data && <Age asOf={bills.data.as_of} />}>
      <p class="hint">
        Receipts that state more than the quota and its tolerance (a twentieth, and as much again up to 64 MiB) are billed to the stake by
        whoever shows them.
      </p>
      <Show loaded={bills}>
        {({ overages, next }) => (
          <>
            <Table
              caption="Bills for overage"
              rows={overages}
              empty="Nothing was billed."
              columns={[
                { name: 'Epoch', cell: (row) => <a href={`#/auditor/${row.epoch}`}>{count(row.epoch)}</a>, numeric: true },
                { name: 'Bill', cell: (row) => <Data wei={row.bill_wei} />, numeric: true },
                { name: 'Charged', cell: (row) => <Data wei={row.charged_wei} />, numeric: true },
                { name: 'Filed by', cell: (row) => <Hash hex={row.prover} /> },
              ]}
            />
            <Pages places={before} next={next} onPlaces={setBefore} />
          </>
        )}
      </Show>
    </Section>
  );
}
