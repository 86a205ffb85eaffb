/** What an operator earned, epoch by epoch. */
import { shortNano } from '../../amounts';
import type { Earnings } from '../../api/types';
import { useLoad } from '../../live';
import { Chart } from '../../parts/chart';
import { Nano } from '../../parts/figures';
import { Show } from '../../parts/section';

export function EarningsChart({ id }: { id: number }) {
  const earnings = useLoad<Earnings>(`/v1/operators/${id}/earnings?limit=30`);
  return (
    <Show loaded={earnings}>
      {({ epochs }) => {
        const ordered = [...epochs].sort((a, b) => a.epoch - b.epoch);
        return (
          <Chart
            bars
            title="Earnings by epoch"
            points={ordered.map((epoch) => ({ epoch: epoch.epoch, value: Number(epoch.total_nano) }))}
            format={(nano) => shortNano(BigInt(Math.round(nano)))}
            rows={[...ordered].reverse()}
            columns={[
              { name: 'Epoch', cell: (row) => <a href={`#/auditor/${row.epoch}/payout/${id}`}>{row.epoch}, explained</a> },
              { name: 'Work', cell: (row) => <Nano nano={row.work_nano} unit={false} />, numeric: true },
              { name: 'Paid of it', cell: (row) => <Nano nano={row.paid_nano} unit={false} />, numeric: true },
              { name: 'Pool', cell: (row) => <Nano nano={row.pool_nano} unit={false} />, numeric: true },
              { name: 'In all, DATA', cell: (row) => <Nano nano={row.total_nano} unit={false} />, numeric: true },
              { name: 'State', cell: (row) => row.state },
            ]}
          />
        );
      }}
    </Show>
  );
}
