/**
 * Streams by their names, and the word by which a vault has them.
 *
 * Invariant: as `tatum` has it: the key of one stream is its word, and several are the keccak of their keys, each once and in order. An owner's
 * address is in small letters, however it was written, so that it names one stream.
 */
import type { Hex } from '../../api/types';
import { keccak256, keccak256OfText } from '../../keccak';
import { isAddress } from '../../wallet/provider';

const MOST_BYTES = 255;
const MOST_PARTITION = 65_535;

export interface NamedStream {
  key: Hex;
  /** The address that the name begins with. */
  owner: Hex | null;
}

/** A stream as `ID` or `ID#PARTITION`; or, in words, why it is none. */
export function parseStream(text: string): NamedStream | string {
  const [name = '', partition = '0', ...more] = text.split('#');
  if (more.length > 0) return `“${text}” has more than one “#”.`;
  if (!/^\d{1,5}$/.test(partition) || Number(partition) > MOST_PARTITION) {
    return `“${partition}” is no partition: that is a number up to ${MOST_PARTITION}.`;
  }
  if (name === '' || name.length > MOST_BYTES) return `A stream’s name has 1 to ${MOST_BYTES} characters.`;
  if (!/^[!-~]+$/.test(name)) return `“${name}” has characters other than printable ASCII, or spaces.`;
  const [first = '', ...rest] = name.split('/');
  const [, prefix, digits] = /^0([xX])([0-9a-fA-F]*)$/.exec(first) ?? [];
  if (prefix === 'x' && digits?.length !== 40) {
    return 'A name that begins with 0x is its owner’s, and an address has 40 hexadecimal digits.';
  }
  if (digits?.length !== 40) return { key: keyOf(name, partition), owner: null };
  if (!hasRightCapitals(digits)) return `${first} is mistyped: its capitals are no checksum of it.`;
  const owner: Hex = `0x${digits.toLowerCase()}`;
  return { key: keyOf([owner, ...rest].join('/'), partition), owner };
}

function keyOf(name: string, partition: string): Hex {
  return keccak256OfText(`${name}#${Number(partition)}`);
}

/** Whether an address is in letters of one size, or has the capitals of its checksum (EIP-55). */
export function hasRightCapitals(digits: string): boolean {
  const small = digits.toLowerCase();
  if (digits === small || digits === digits.toUpperCase()) return true;
  const hash = keccak256OfText(small).slice(2);
  return [...small].every((digit, place) => (parseInt(hash.charAt(place), 16) >= 8 ? digit.toUpperCase() : digit) === digits.charAt(place));
}

/** The word of some keys, in whatever order, however often each. */
export function wordOf(keys: Hex[]): Hex | null {
  const [first, ...rest] = [...new Set(keys)].sort();
  if (!first || rest.length === 0) return first ?? null;
  const bytes = [first, ...rest].flatMap((key) => (key.slice(2).match(/../g) ?? []).map((byte) => parseInt(byte, 16)));
  return keccak256(Uint8Array.from(bytes));
}

/** Whose streams, and their word. */
export interface NamedStreams {
  stream_owner: Hex;
  streams: Hex;
}

/** Streams of one owner, a line each; the owner may be left out where their names begin with it. Or, in words, what is wrong. */
export function parseStreams(text: string, owner: string): NamedStreams | string {
  const named = text.split(/\s+/).filter(Boolean).map(parseStream);
  const wrong = named.find((stream) => typeof stream === 'string');
  if (wrong !== undefined) return wrong;
  const streams = named.filter((stream) => typeof stream !== 'string');
  if (owner.trim() !== '' && !isAddress(owner.trim())) return 'An address is 0x and 40 hexadecimal digits.';
  const given = (owner.trim().toLowerCase() || null) as Hex | null;
  if (given && !hasRightCapitals(owner.trim().slice(2))) return 'The owner’s address is mistyped: its capitals are no checksum of it.';
  const whose = given ?? streams[0]?.owner;
  const word = wordOf(streams.map((stream) => stream.key));
  if (!word) return 'Name a stream, such as 0x…/weather.';
  if (!whose) return 'Name the streams’ owner: their names do not.';
  const other = streams.find((stream) => stream.owner !== null && stream.owner !== whose);
  if (other) return `One of them is a stream of ${other.owner}, not of ${whose}.`;
  return { stream_owner: whose, streams: word };
}
