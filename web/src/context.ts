/** What every view knows: the network, and the wallet. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Network } from './api/types';
import type { Session } from './wallet/session';

export interface Surroundings {
  network: Network;
  session: Session;
}

export const Context = createContext<Surroundings | null>(null);

export function useSurroundings(): Surroundings {
  const surroundings = useContext(Context);
  if (!surroundings) throw new Error('a view stands outside the page');
  return surroundings;
}
