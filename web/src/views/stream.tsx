/** One stream: who carries it for whom, how much passes and how late it comes. */
import { count } from '../amounts';
import type { Hex, StreamLink, StreamStatus } from '../api/types';
import { useLoad } from '../live';
import { Age, Bytes, Figure, Figures, Hash, When } from '../parts/figures';
import { Heading, Section, Show, Table } from '../parts/section';
import { inMs, roundTripOf, spreadOf } from './round_trips';
import { MOST_DRAWN, drawing } from './stream_graph';
import { named } from './streams';

export function StreamView({ stream }: { stream: Hex }) {
  const loaded = useLoad<StreamStatus>(`/v1/streams/${stream}`);
  const name = loaded.data ? named(loaded.data) : 'Stream';
  return (
    <>
      <Heading title="Stream" lead={<a href="#/network">All streams</a>}>
        {name}
      </Heading>
      <Section title="In numbers" foot={loaded.data && <Age asOf={loaded.data.as_of} />}>
        <Show loaded={loaded}>{(told) => <Numbers told={told} />}</Show>
      </Section>
      {loaded.data && <Graph told={loaded.data} />}
      {loaded.data && <Links told={loaded.data} />}
    </>
  );
}

function Numbers({ told }: { told: StreamStatus }) {
  return (
    <Figures>
      <Figure name="Relays">{count(told.relays)}</Figure>
      <Figure name="Clients" note={`${count(told.publishers)} publishing`}>
        {count(told.clients)}
      </Figure>
      <Figure name="Passes a second" note="as the middle one of its relays says">
        <Bytes bytes={told.bytes_per_s} />
      </Figure>
      <Figure name="Key" note="on the wire and in receipts">
        <Hash hex={told.stream} />
      </Figure>
    </Figures>
  );
}

function Graph({ told }: { told: StreamStatus }) {
  const drawn = drawing(told);
  const links = new Map<Hex, number>();
  for (const { a, b } of told.links) for (const end of [a, b]) links.set(end, (links.get(end) ?? 0) + 1);
  return (
    <Section title="Who carries it for whom">
      <p class="hint">
        Asked of its tracker at <When time_s={told.asked_at_s} />. How late messages come is each relay’s own word, of those that this server
        was told to ask.
      </p>
      {drawn ? (
        <svg class="graph" viewBox="-104 -104 208 208" role="img" aria-label={`${count(told.nodes.length)} nodes and ${count(told.links.length)} links; the table below has them`}>
          {drawn.lines.map(([from, to, link]) => (
            <line x1={from.x} y1={from.y} x2={to.x} y2={to.y}>
              <title>{roundTripWords(link)}</title>
            </line>
          ))}
          {drawn.spots.map((spot) => (
            <circle class={spot.relay ? 'relay' : undefined} cx={spot.x} cy={spot.y} r={spot.relay ? 4 : 2.5}>
              <title>{`${spot.relay ? 'Relay' : 'Client'} ${spot.node}`}</title>
            </circle>
          ))}
        </svg>
      ) : (
        told.nodes.length > MOST_DRAWN && <p class="hint">More than {count(MOST_DRAWN)} nodes are not drawn.</p>
      )}
      <Table
        caption="Nodes that take part"
        rows={told.nodes}
        empty="Nobody takes part any more."
        columns={[
          { name: 'Node', cell: (row) => <Hash hex={row.node} /> },
          { name: 'It is', cell: (row) => (row.is_relay ? 'a relay' : 'a client') },
          { name: 'Operator', cell: (row) => (row.operator === null ? 'none' : <a href={`#/operator/${row.operator}`}>{row.operator}</a>) },
          { name: 'Links', cell: (row) => count(links.get(row.node) ?? 0), numeric: true },
          { name: 'Messages come after', cell: (row) => (row.delay_ms === null ? 'not told' : `${count(row.delay_ms)} ms`), numeric: true },
        ]}
      />
      {told.is_cut && <p class="hint">There are more nodes and links than an answer holds.</p>}
    </Section>
  );
}

/** More would be nobody’s to read. */
const MOST_LISTED = 500;

function Links({ told }: { told: StreamStatus }) {
  const spread = spreadOf(told.links);
  const slowest = [...told.links].sort((one, other) => (roundTripOf(other) ?? -1) - (roundTripOf(one) ?? -1));
  return (
    <Section title="How long its links take">
      <p class="hint">
        From question to answer on a link’s own path, as the relays at its ends told their tracker. Of a link that both tell of, the longer is counted. No tracker
        measures it: a relay can say what it likes, but not for the other end.
      </p>
      {spread && (
        <Figures>
          <Figure name="Half of them" note={`of ${count(spread.told)} that are told`}>
            up to {inMs(spread.p50_us)}
          </Figure>
          <Figure name="99 of 100">up to {inMs(spread.p99_us)}</Figure>
          <Figure name="The longest">{inMs(spread.most_us)}</Figure>
        </Figures>
      )}
      <Table
        caption="Links, the longest first"
        rows={slowest.slice(0, MOST_LISTED)}
        empty="Nobody is linked."
        columns={[
          { name: 'One end', cell: (row) => <Hash hex={row.a} /> },
          { name: 'The other', cell: (row) => <Hash hex={row.b} /> },
          { name: 'As the one says', cell: (row) => said(row.round_trip_by_a_us), numeric: true },
          { name: 'As the other says', cell: (row) => said(row.round_trip_by_b_us), numeric: true },
        ]}
      />
      {slowest.length > MOST_LISTED && <p class="hint">The {count(MOST_LISTED)} longest of {count(slowest.length)} are shown.</p>}
    </Section>
  );
}

function said(us: number | null): string {
  return us === null ? 'not told' : inMs(us);
}

function roundTripWords(link: StreamLink): string {
  return `Link of ${link.a} and ${link.b}: ${said(roundTripOf(link))}`;
}
