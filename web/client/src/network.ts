/** What a client must know of a network. */
import { TatumError } from './errors.js';

export interface Network {
  /** The chain's id. */
  chainId: number;
  /** The deployment's StakePool, which receipts are signed for. */
  stakePool: string;
  /** When the first epoch began, in seconds since 1970, and how long each is. */
  epochs: { genesisS: number; lengthS: number };
}

/** Asks a network's web API (`tatum api`). Whoever serves it is believed: a wrong answer makes receipts that nobody takes. */
export async function networkOf(api: string): Promise<Network> {
  const url = `${api.replace(/\/$/, '')}/v1/network`;
  const response = await fetch(url).catch((error: unknown) => {
    throw new TatumError('unreachable', `${url} could not be asked: ${String(error)}`);
  });
  if (!response.ok) throw new TatumError('unreachable', `${url} answers ${response.status}`);
  const said = (await response.json()) as {
    chain_id: number;
    deployment: { stake_pool: string };
    epoch: number;
    epoch_started_at_s: number;
    epoch_length_s: number;
  };
  const genesisS = said.epoch_started_at_s - said.epoch * said.epoch_length_s;
  return { chainId: said.chain_id, stakePool: said.deployment.stake_pool, epochs: { genesisS, lengthS: said.epoch_length_s } };
}

/** `URL` or `URL#KEY`, as `tatum` takes it: a web address or a WebSocket's. */
export function trackerOf(text: string): { url: string; key: string | null } {
  const [address = '', key] = text.split('#');
  const base = address.replace(/\/+$/, '').replace(/^http(s?):/, 'ws$1:');
  if (!/^wss?:\/\/[^/]/.test(base)) {
    throw new TatumError('invalid_options', `${text} is not a tracker's URL; it looks like https://tracker.example:7080`);
  }
  return { url: base.endsWith('/v1/tracker') ? base : `${base}/v1/tracker`, key: key ?? null };
}
