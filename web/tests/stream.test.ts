import { describe, expect, it } from 'vitest';
import type { Hex, StreamLink, StreamStatus } from '../src/api/types';
import { parseRoute } from '../src/route';
import { inMs, roundTripOf, spreadOf } from '../src/views/round_trips';
import { MOST_DRAWN, drawing } from '../src/views/stream_graph';
import { named } from '../src/views/streams';

const node = (number: number) => `0x${number.toString(16).padStart(64, '0')}` as Hex;

const link = (a: Hex, b: Hex, round_trip_by_a_us: number | null = null, round_trip_by_b_us: number | null = null): StreamLink => ({
  a,
  b,
  round_trip_by_a_us,
  round_trip_by_b_us,
});

/** Relays in a ring, and clients at one of them each. */
function ring(relays: number, clients: number): Pick<StreamStatus, 'nodes' | 'links'> {
  const vertex = (number: number, is_relay: boolean) => ({ node: node(number), is_relay, operator: null, delay_ms: null, messages: null });
  const nodes = Array.from({ length: relays + clients }, (_, number) => vertex(number, number < relays));
  const links = nodes.map((_, number) => link(node(number), node(number < relays ? (number + 1) % relays : number % relays)));
  return { nodes, links };
}

describe('a stream’s drawing', () => {
  it('has every node at a place of its own inside the frame, and every link between two of them', () => {
    const graph = ring(6, 40);
    const { spots, lines } = drawing(graph)!;
    expect([spots.length, lines.length]).toEqual([46, 46]);
    expect(new Set(spots.map(({ x, y }) => `${x} ${y}`)).size).toBe(46);
    for (const { x, y } of spots) expect(Math.hypot(x, y)).toBeLessThan(100);
    expect(drawing(graph)).toEqual({ spots, lines });
  });

  it('places clients in the order of their relays, so that lines are short', () => {
    const { lines } = drawing(ring(4, 4))!;
    const lengths = lines.filter(([from]) => !from.relay).map(([from, to]) => Math.hypot(from.x - to.x, from.y - to.y));
    expect(Math.max(...lengths)).toBeLessThan(70);
  });

  it('lays no line on another where there are few nodes', () => {
    const links = [
      link(node(0), node(1)),
      ...[2, 3].flatMap((client) => [0, 1].map((relay) => link(node(relay), node(client)))),
    ];
    const { lines } = drawing({ ...ring(2, 2), links })!;
    const slopes = lines.map(([from, to]) => Math.atan2(to.y - from.y, to.x - from.x).toFixed(2));
    expect(new Set(slopes).size).toBe(5);
  });

  it('is none of nobody, nor of more than a frame holds, and leaves out links of nobody', () => {
    expect(drawing({ nodes: [], links: [] })).toBeNull();
    expect(drawing(ring(1, MOST_DRAWN))).toBeNull();
    const graph = ring(2, 0);
    expect(drawing({ ...graph, links: [link(node(0), node(99))] })!.lines).toEqual([]);
  });
});

describe('how long links take', () => {
  it('is what an end says, and the longer of what both do', () => {
    const [a, b] = [node(1), node(2)];
    expect([link(a, b), link(a, b, 7), link(a, b, null, 9), link(a, b, 7, 9)].map(roundTripOf)).toEqual([null, 7, 9, 9]);
  });

  it('is told of all that are told by rank: the middle one, the one that a hundredth exceed, and the longest', () => {
    expect(spreadOf([link(node(1), node(2))])).toBeNull();
    expect(spreadOf([link(node(1), node(2), 5)])).toEqual({ told: 1, p50_us: 5, p99_us: 5, most_us: 5 });
    const links = Array.from({ length: 200 }, (_, number) => link(node(1), node(number), 1_000 * (200 - number)));
    const spread = { told: 200, p50_us: 100_000, p99_us: 198_000, most_us: 200_000 };
    expect(spreadOf([...links, link(node(1), node(999))])).toEqual(spread);
  });

  it('is written so that a fast one is no nought', () => {
    expect([40, 1_500, 12_499, 60_000_000].map(inMs)).toEqual(['0.04 ms', '1.5 ms', '12 ms', '60 000 ms']);
  });
});

describe('a stream', () => {
  it('has an address in the page by its key, and a name as commands have it', () => {
    expect(parseRoute(`#/network/${node(7)}`)).toEqual({ view: 'stream', stream: node(7) });
    for (const wrong of ['0x7', node(7).slice(2), `${node(7)}0`]) expect(parseRoute(`#/network/${wrong}`).view).toBe('nowhere');
    expect(named({ id: 'acme/weather', partition: 0 })).toBe('acme/weather');
    expect(named({ id: 'acme/weather', partition: 3 })).toBe('acme/weather#3');
  });
});
