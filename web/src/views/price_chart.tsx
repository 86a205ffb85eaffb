/** How much traffic a DATA has bought, epoch by epoch. */
import { shortBytes } from '../amounts';
import type { Prices } from '../api/types';
import { useLoad } from '../live';
import { Chart } from '../parts/chart';
import { Age, Bytes } from '../parts/figures';
import { Show } from '../parts/section';

export function PriceChart() {
  const prices = useLoad<Prices>('/v1/prices?limit=60');
  return (
    <Show loaded={prices}>
      {({ prices, as_of }) => (
        <>
          <Chart
            title="Quota per DATA by epoch"
            points={prices.map((price) => ({ epoch: price.epoch, value: Number(price.quota_bytes_per_data) }))}
            format={(bytes) => shortBytes(BigInt(Math.round(bytes)))}
            rows={[...prices].reverse()}
            columns={[
              { name: 'Epoch', cell: (price) => price.epoch },
              { name: 'Quota per DATA', cell: (price) => <Bytes bytes={price.quota_bytes_per_data} />, numeric: true },
            ]}
          />
          <Age asOf={as_of} />
        </>
      )}
    </Show>
  );
}
