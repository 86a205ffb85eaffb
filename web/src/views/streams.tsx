/** The streams that trackers know. */
import { useState } from 'preact/hooks';
import { count } from '../amounts';
import type { Hex, Streams as Listed } from '../api/types';
import { useLoad } from '../live';
import { Age, Bytes, Figure, Figures, When } from '../parts/figures';
import { Pages, pageOf } from '../parts/pages';
import { Section, Show, Table } from '../parts/section';

const PAGE = 20;

export function Streams() {
  const [after, setAfter] = useState<Hex[]>([]);
  const loaded = useLoad<Listed>(`/v1/streams${pageOf(PAGE, 'after', after)}`);
  return (
    <Section title="Streams" foot={loaded.data && <Age asOf={loaded.data.as_of} />}>
      <Show loaded={loaded}>
        {(told) =>
          told.asked_at_s === null ? (
            <p class="empty">This server was told to ask no tracker, or has not yet.</p>
          ) : (
            <>
              <Figures>
                <Figure name="Trackers asked" note={told.silent > 0 && `${count(told.silent)} did not answer`}>
                  <When time_s={told.asked_at_s} />
                </Figure>
              </Figures>
              <Table
                caption="Streams and who takes part"
                rows={told.streams}
                empty="Nobody takes part in any stream."
                columns={[
                  { name: 'Stream', cell: (row) => <a href={`#/network/${row.stream}`}>{named(row)}</a> },
                  { name: 'Relays', cell: (row) => count(row.relays), numeric: true },
                  { name: 'Clients', cell: (row) => count(row.clients), numeric: true },
                  { name: 'Publishing', cell: (row) => count(row.publishers), numeric: true },
                  { name: 'A second', cell: (row) => <Bytes bytes={row.bytes_per_s} />, numeric: true },
                ]}
              />
              <Pages places={after} next={told.next} onPlaces={setAfter} />
              {!told.is_complete && <p class="hint">A tracker knows more than are kept here.</p>}
            </>
          )
        }
      </Show>
    </Section>
  );
}

/** A stream partition as commands have it. */
export function named(stream: { id: string; partition: number }): string {
  return stream.partition === 0 ? stream.id : `${stream.id}#${stream.partition}`;
}
