/** Where the nodes of a stream's graph stand: relays on a circle, clients around it, each beside its relays. */
import type { Hex, StreamLink, StreamStatus } from '../api/types';

export interface Spot {
  node: Hex;
  relay: boolean;
  x: number;
  y: number;
}

export interface Drawing {
  spots: Spot[];
  lines: [Spot, Spot, StreamLink][];
}

/** More nodes would be a blot. */
export const MOST_DRAWN = 200;
const RELAYS_AT = 55;
const CLIENTS_AT = 92;

/** The drawing in a square from -100 to 100, the same for the same graph; nothing if it would be a blot. */
export function drawing(stream: Pick<StreamStatus, 'nodes' | 'links'>): Drawing | null {
  if (stream.nodes.length === 0 || stream.nodes.length > MOST_DRAWN) return null;
  const relays = stream.nodes.filter((node) => node.is_relay);
  const spots = new Map<Hex, Spot>();
  const angles = new Map<Hex, number>();
  relays.forEach(({ node }, index) => {
    const angle = (2 * Math.PI * index) / relays.length;
    angles.set(node, angle);
    // A relay that is alone stands in the middle.
    spots.set(node, at(node, true, angle, relays.length > 1 ? RELAYS_AT : 0));
  });
  const clients = stream.nodes.filter((node) => !node.is_relay).map(({ node }) => ({ node, angle: between(node, stream.links, angles) }));
  clients.sort((a, b) => a.angle - b.angle || (a.node < b.node ? -1 : 1));
  clients.forEach(({ node }, index) => {
    // Half a step on, so that no line lies on another.
    spots.set(node, at(node, false, (2 * Math.PI * (index + 0.5)) / clients.length, CLIENTS_AT));
  });
  const lines = stream.links.flatMap((link): Drawing['lines'] => {
    const [from, to] = [spots.get(link.a), spots.get(link.b)];
    return from && to ? [[from, to, link]] : [];
  });
  return { spots: [...spots.values()], lines };
}

function at(node: Hex, relay: boolean, angle: number, radius: number): Spot {
  return { node, relay, x: Math.round(10 * radius * Math.sin(angle)) / 10, y: Math.round(-10 * radius * Math.cos(angle)) / 10 };
}

/** The direction in the middle of a client's relays, from 0 to 2π. */
function between(node: Hex, links: StreamStatus['links'], angles: Map<Hex, number>): number {
  let [x, y] = [0, 0];
  for (const { a, b } of links) {
    const angle = a === node ? angles.get(b) : b === node ? angles.get(a) : undefined;
    if (angle !== undefined) [x, y] = [x + Math.cos(angle), y + Math.sin(angle)];
  }
  const angle = Math.atan2(y, x);
  return angle < 0 ? angle + 2 * Math.PI : angle;
}
