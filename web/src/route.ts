/** Where in the page one is: the part of the address behind "#", so that every view can be linked to. */
import { useEffect, useState } from 'preact/hooks';
import type { Hex } from './api/types';
import { isAddress } from './wallet/provider';

export type Route =
  | { view: 'network' }
  | { view: 'stream'; stream: Hex }
  | { view: 'publisher'; address: string | null }
  | { view: 'operators' }
  | { view: 'operator'; id: number }
  | { view: 'delegations'; address: string | null }
  | { view: 'delegation'; id: number }
  | { view: 'sponsors'; account: string | null; owner: string | null }
  | { view: 'vault'; address: string }
  | { view: 'epochs' }
  | { view: 'epoch'; epoch: number }
  | { view: 'proof'; epoch: number; id: number }
  | { view: 'payout'; epoch: number; id: number }
  | { view: 'receipts'; epoch: number; offset: number }
  | { view: 'nowhere'; path: string };

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#\/?/, '').replace(/\/+$/, '');
  const parts = path.split('/');
  const [a, c] = [number(parts[1]), number(parts[3])];
  const shape = parts.map((part, index) => (index > 0 && number(part) !== null ? 'N' : part)).join('/');
  switch (shape) {
    case '':
    case 'network':
      return { view: 'network' };
    case 'publisher':
      return { view: 'publisher', address: null };
    case 'operator':
      return { view: 'operators' };
    case 'operator/N':
      return { view: 'operator', id: a! };
    case 'delegator':
      return { view: 'delegations', address: null };
    case 'delegator/N':
      return { view: 'delegation', id: a! };
    case 'sponsor':
      return { view: 'sponsors', account: null, owner: null };
    case 'auditor':
      return { view: 'epochs' };
    case 'auditor/N':
      return { view: 'epoch', epoch: a! };
    case 'auditor/N/proof/N':
      return { view: 'proof', epoch: a!, id: c! };
    case 'auditor/N/payout/N':
      return { view: 'payout', epoch: a!, id: c! };
    case 'auditor/N/receipts':
      return { view: 'receipts', epoch: a!, offset: 0 };
    case 'auditor/N/receipts/N':
      return { view: 'receipts', epoch: a!, offset: c! };
  }
  if (parts[0] === 'network' && parts.length === 2 && isWord(parts[1])) return { view: 'stream', stream: parts[1] };
  if (parts[0] === 'publisher' && parts.length === 2 && isAddress(parts[1])) return { view: 'publisher', address: parts[1] };
  if (parts[0] === 'delegator' && parts.length === 2 && isAddress(parts[1])) return { view: 'delegations', address: parts[1] };
  if (parts[0] === 'sponsor') return sponsorRoute(parts.slice(1)) ?? { view: 'nowhere', path };
  return { view: 'nowhere', path };
}

/** A vault by its address, or what an account sponsors, or the vaults for an owner's streams. */
function sponsorRoute([first, second, ...more]: string[]): Route | null {
  if (isAddress(first) && second === undefined) return { view: 'vault', address: first };
  if (!isAddress(second) || more.length > 0) return null;
  if (first === 'account') return { view: 'sponsors', account: second, owner: null };
  return first === 'owner' ? { view: 'sponsors', account: null, owner: second } : null;
}

function isWord(text: string | undefined): text is Hex {
  return text !== undefined && /^0x[0-9a-f]{64}$/.test(text);
}

function number(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = () => setHash(location.hash);
    addEventListener('hashchange', moved);
    // Whoever went on before this listened would stay where they came in.
    moved();
    return () => removeEventListener('hashchange', moved);
  }, []);
  return parseRoute(hash);
}
