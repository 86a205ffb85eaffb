/** All epochs, the newest first. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Epoch } from '../../api/types';
import { useLoad } from '../../live';
import { Hash, Nano, When } from '../../parts/figures';
import { pageOf } from '../../parts/pages';
import { FirstHeading, Section, Show, Table } from '../../parts/section';

const PAGE = 25;

export function EpochsView() {
  const [before, setBefore] = useState<number[]>([]);
  const epochs = useLoad<Epoch[]>(`/v1/epochs${pageOf(PAGE, 'before', before)}`);
  return (
    <>
      <FirstHeading view="auditor" />
      <Section title="Distributions">
        <Show loaded={epochs}>
          {(rows) => (
            <>
              <Table
                caption="Epochs, the newest first"
                rows={rows}
                empty="No epoch yet."
                columns={[
                  { name: 'Epoch', cell: (row) => <a href={`#/auditor/${row.epoch}`}>{count(row.epoch)}</a> },
                  { name: 'State', cell: (row) => <State epoch={row} /> },
                  { name: 'Receipts', cell: (row) => (row.receipts == null ? '–' : count(row.receipts)), numeric: true },
                  {
                    name: 'Pot, DATA',
                    cell: (row) => (row.pot_nano ? <Nano nano={row.pot_nano} unit={false} /> : '–'),
                    numeric: true,
                  },
                  {
                    name: 'Paid out',
                    cell: (row) => (row.distributed_nano ? <Nano nano={row.distributed_nano} unit={false} /> : '–'),
                    numeric: true,
                  },
                  { name: 'Root', cell: (row) => (row.root ? <Hash hex={row.root} /> : '–') },
                  { name: 'Changed', cell: (row) => <When time_s={row.updated_ms / 1000} /> },
                ]}
              />
              <div class="buttons">
                {before.length > 0 && (
                  <button type="button" class="quiet" onClick={() => setBefore(before.slice(0, -1))}>
                    Newer
                  </button>
                )}
                {rows.length === PAGE && (
                  <button type="button" class="quiet" onClick={() => setBefore([...before, rows.at(-1)!.epoch])}>
                    Older
                  </button>
                )}
              </div>
            </>
          )}
        </Show>
      </Section>
    </>
  );
}

const WORDS: Record<Epoch['state'], string> = {
  open: 'takes receipts',
  closing: 'closing',
  rolled: 'worked out',
  proposed: 'proposed',
  finalized: 'final',
};

export function State({ epoch }: { epoch: Epoch }) {
  return <span class={epoch.state === 'finalized' ? 'state good' : 'state'}>{WORDS[epoch.state] ?? epoch.state}</span>;
}
