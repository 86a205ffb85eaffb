/**
 * Keccak-256, by which the chain names streams and addresses have their checksums.
 *
 * Source: the reference of the Keccak team, lane by lane. It is made for names, not for files.
 */
import type { Hex } from './api/types';

/** Bytes that are taken in before the lanes are mixed: 1600 bits less twice the digest. */
const RATE_BYTES = 136;
const DIGEST_BYTES = 32;
const ROUNDS = 24;

/** The digest of some bytes. */
export function keccak256(bytes: Uint8Array): Hex {
  const padded = new Uint8Array(Math.floor(bytes.length / RATE_BYTES + 1) * RATE_BYTES);
  padded.set(bytes);
  padded[bytes.length]! ^= 0x01;
  padded[padded.length - 1]! ^= 0x80;
  const [lanes, view] = [new BigUint64Array(25), new DataView(padded.buffer)];
  for (let block = 0; block < padded.length; block += RATE_BYTES) {
    for (let lane = 0; lane < RATE_BYTES / 8; lane += 1) lanes[lane]! ^= view.getBigUint64(block + lane * 8, true);
    mix(lanes);
  }
  let hex = '';
  for (let lane = 0; lane < DIGEST_BYTES / 8; lane += 1) {
    for (let byte = 0n; byte < 8n; byte += 1n) hex += ((lanes[lane]! >> (byte * 8n)) & 0xffn).toString(16).padStart(2, '0');
  }
  return `0x${hex}`;
}

/** The digest of a text as UTF-8. */
export function keccak256OfText(text: string): Hex {
  return keccak256(new TextEncoder().encode(text));
}

/** The permutation; the lane at column x of row y is `lanes[x + 5 * y]`. */
function mix(lanes: BigUint64Array): void {
  let constant = 1;
  for (let round = 0; round < ROUNDS; round += 1) {
    diffuse(lanes);
    shuffle(lanes);
    for (let y = 0; y < 25; y += 5) {
      const row = lanes.slice(y, y + 5);
      for (let x = 0; x < 5; x += 1) lanes[y + x] = row[x]! ^ (~row[(x + 1) % 5]! & row[(x + 2) % 5]!);
    }
    for (let bit = 0n; bit < 7n; bit += 1n) {
      constant = ((constant << 1) ^ ((constant >> 7) * 0x71)) & 0xff;
      if (constant & 2) lanes[0]! ^= 1n << ((1n << bit) - 1n);
    }
  }
}

/** Each lane takes in the parities of two columns. */
function diffuse(lanes: BigUint64Array): void {
  const parities = new BigUint64Array(5);
  for (let lane = 0; lane < 25; lane += 1) parities[lane % 5]! ^= lanes[lane]!;
  for (let lane = 0; lane < 25; lane += 1) lanes[lane]! ^= parities[(lane + 4) % 5]! ^ turned(parities[(lane + 1) % 5]!, 1n);
}

/** Each lane goes to another place, and is turned. */
function shuffle(lanes: BigUint64Array): void {
  let [x, y, moving] = [1, 0, lanes[1]!];
  for (let step = 0n; step < 24n; step += 1n) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    const place = x + 5 * y;
    [moving, lanes[place]] = [lanes[place]!, turned(moving, (((step + 1n) * (step + 2n)) / 2n) % 64n)];
  }
}

function turned(lane: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, (lane << bits) | (lane >> (64n - bits)));
}
