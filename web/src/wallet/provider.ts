/** What a wallet offers: EIP-1193 for requests, EIP-6963 for finding it. */
import type { Hex } from '../api/types';

export interface Provider {
  request(call: { method: string; params?: unknown }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): unknown;
  removeListener?(event: string, listener: (value: never) => void): unknown;
}

export interface WalletInfo {
  uuid: string;
  name: string;
  icon: string;
  rdns: string;
}

export interface Wallet {
  info: WalletInfo;
  provider: Provider;
}

/** The chain's id in the form that wallets speak. */
export function hexOf(value: number | bigint | string): Hex {
  return `0x${BigInt(value).toString(16)}`;
}

/** The chain that the wallet is on. */
export async function chainOf(provider: Provider): Promise<number> {
  return Number(BigInt((await provider.request({ method: 'eth_chainId' })) as string));
}

/** The accounts that the wallet shows: by asking its user (`eth_requestAccounts`), or silently (`eth_accounts`). */
export async function accountsOf(provider: Provider, method: 'eth_accounts' | 'eth_requestAccounts'): Promise<Hex[]> {
  const accounts = await provider.request({ method });
  return Array.isArray(accounts) ? accounts.filter(isAddress).map((account) => account.toLowerCase() as Hex) : [];
}

/** What a unit of gas costs; zero where the wallet does not say. */
export async function gasPriceOf(provider: Provider): Promise<bigint> {
  try {
    return BigInt((await provider.request({ method: 'eth_gasPrice' })) as string);
  } catch {
    return 0n;
  }
}

/** Whether the wallet can send several calls as one, on this chain (EIP-5792). */
export async function sendsBatches(provider: Provider, account: Hex, chainId: number): Promise<boolean> {
  const chain = hexOf(chainId);
  try {
    const answer = await provider.request({ method: 'wallet_getCapabilities', params: [account, [chain]] });
    const all = answer as Record<string, { atomic?: { status?: string } } | undefined> | null;
    const status = (all?.[chain] ?? all?.['0x0'])?.atomic?.status;
    return status === 'supported' || status === 'ready';
  } catch {
    // A wallet that does not know the question cannot do it.
    return false;
  }
}

/** Whether the text is twenty bytes. */
export function isAddress(text: unknown): text is Hex {
  return typeof text === 'string' && /^0x[0-9a-fA-F]{40}$/.test(text);
}

/** Calls `found` with every wallet that announces itself, once each; ends with the returned function. */
export function discover(target: EventTarget, found: (wallet: Wallet) => void): () => void {
  const seen = new Set<string>();
  const listener = (event: Event) => {
    const wallet = (event as CustomEvent<Wallet | null>).detail;
    if (!wallet?.info?.uuid || typeof wallet.provider?.request !== 'function' || seen.has(wallet.info.uuid)) return;
    seen.add(wallet.info.uuid);
    found(wallet);
  };
  target.addEventListener('eip6963:announceProvider', listener);
  target.dispatchEvent(new Event('eip6963:requestProvider'));
  return () => target.removeEventListener('eip6963:announceProvider', listener);
}
