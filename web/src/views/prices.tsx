/** What payers paid for a GiB of their quotas, and what relays ask for one. */
import { useState } from 'preact/hooks';
import { count } from '../amounts';
import type { Asks, Hex, RealisedPrices } from '../api/types';
import { useLoad } from '../live';
import { Age, Bytes, Figure, Figures, Hash, Nano, When } from '../parts/figures';
import { Pages, pageOf } from '../parts/pages';
import { Section, Show, Table } from '../parts/section';

const PAGE = 20;

export function Prices() {
  return (
    <>
      <Paid />
      <Asked />
    </>
  );
}

function Paid() {
  const [after, setAfter] = useState<Hex[]>([]);
  const loaded = useLoad<RealisedPrices>(`/v1/prices/payers${pageOf(PAGE, 'after', after)}`);
  return (
    <Section title="What payers paid for a GiB" foot={loaded.data && <Age asOf={loaded.data.as_of} />}>
      <p class="hint">What a payer’s receipts give to operators, for a GiB of its quota: relays compare it with what they ask.</p>
      <Show loaded={loaded}>
        {(prices) => (
          <>
            <Figures>
              <Figure name="Epoch" note="the newest that is closed">
                {prices.epoch === null ? 'none yet' : count(prices.epoch)}
              </Figure>
              <Figure name="Median" note={prices.is_complete ? 'DATA per GiB' : 'of those that are known so far'}>
                {prices.median_nano_per_gib === null ? 'none yet' : <Nano nano={prices.median_nano_per_gib} exact />}
              </Figure>
            </Figures>
            <Table
              caption="Realised prices by payer"
              rows={prices.payers}
              empty="Nobody has paid yet."
              columns={[
                { name: 'Payer', cell: (row) => <Hash hex={row.payer} /> },
                { name: 'Fee', cell: (row) => <Nano nano={row.fee_nano} />, numeric: true },
                { name: 'Quota', cell: (row) => <Bytes bytes={row.quota_bytes} />, numeric: true },
                {
                  name: 'Per GiB',
                  cell: (row) => (row.nano_per_gib === null ? 'none yet' : <Nano nano={row.nano_per_gib} exact />),
                  numeric: true,
                },
              ]}
            />
            <Pages places={after} next={prices.next} onPlaces={setAfter} />
          </>
        )}
      </Show>
    </Section>
  );
}

function Asked() {
  const loaded = useLoad<Asks>('/v1/prices/asks');
  return (
    <Section title="What relays ask for a GiB">
      <Show loaded={loaded}>
        {(asks) =>
          asks.asked_at_s === null ? (
            <p class="empty">This server was told to ask no relay, or has not yet.</p>
          ) : (
            <>
              <Figures>
                <Figure name="Median" note="of those that ask something">
                  {asks.median_ask_nano_per_gib === null ? 'nothing is asked' : <Nano nano={asks.median_ask_nano_per_gib} exact />}
                </Figure>
                <Figure name="Asked" note={asks.silent > 0 && `${count(asks.silent)} did not answer`}>
                  <When time_s={asks.asked_at_s} />
                </Figure>
              </Figures>
              <Table
                caption="Relays and what they ask"
                rows={asks.relays}
                empty="No relay answered."
                columns={[
                  { name: 'Relay', cell: (row) => <Hash hex={row.node} /> },
                  {
                    name: 'Operator',
                    cell: (row) =>
                      row.operator === null ? 'none' : <a href={`#/operator/${row.operator}`}>{row.operator}</a>,
                  },
                  {
                    name: 'Ask',
                    cell: (row) => (row.ask_nano_per_gib === null ? 'nothing' : <Nano nano={row.ask_nano_per_gib} exact />),
                    numeric: true,
                  },
                ]}
              />
              <p class="hint">Each by its own word. Only the relays that this server was told to ask are here.</p>
            </>
          )
        }
      </Show>
    </Section>
  );
}
