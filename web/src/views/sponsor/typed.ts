/** What is typed of sponsors' vaults, as actions; or why it is none. */
import { ofPart, type Made } from '../../actions/made';
import { WEI, shortData, type Parsed } from '../../amounts';
import type { Vault } from '../../api/sponsors';
import { parseStreams } from './stream_names';

/** The contract takes no less. */
const LEAST_WEI = WEI / 10n;
/** No vault lasts longer. */
export const MOST_EPOCHS = 1_000;

/** An amount for a vault, in one of the API's ways. */
export function sponsored(vault: Vault, amount: Parsed, by: string): Made {
  if (!amount.ok) return { action: null, why: amount.why };
  if (amount.wei < LEAST_WEI) return { action: null, why: `A vault takes ${shortData(LEAST_WEI)} DATA at least.` };
  const balance = vault.sponsor ? BigInt(vault.sponsor.balance_wei) : null;
  if (balance !== null && amount.wei > balance) return { action: null, why: `You have ${shortData(balance)} DATA.` };
  return { action: { action: 'sponsor', vault: vault.vault, amount_wei: amount.wei.toString(), by }, why: null };
}

/** A request for some of it back. */
export function askedBack(vault: Vault, amount: Parsed): Made {
  return ofPart(vault.sponsor?.worth_wei, amount, { action: 'request_sponsored', vault: vault.vault });
}

/** A vault for streams of one owner that ends so many epochs after the running one. */
export function newVault(streams: string, owner: string, epochs: string, epoch: number): Made {
  const named = parseStreams(streams, owner);
  if (typeof named === 'string') return { action: null, why: named };
  const lasting = /^\d{1,4}$/.test(epochs.trim()) ? Number(epochs) : 0;
  if (lasting < 1 || lasting > MOST_EPOCHS) return { action: null, why: `A vault lasts a whole number of epochs, from 1 to ${MOST_EPOCHS}.` };
  return { action: { action: 'create_sponsor_vault', ...named, end_epoch: epoch + lasting }, why: null };
}

/** What is to be said of what lies in a vault and is not staked; null where nothing lies there. */
export function idleNote(vault: Vault): string | null {
  const [idle, staked, least] = [vault.idle_wei, vault.staked_wei, vault.least_stake_wei].map(BigInt) as [bigint, bigint, bigint];
  if (idle === 0n) return null;
  if (vault.ended) return 'the vault has ended';
  const missing = least - idle - staked;
  return missing > 0n ? `${shortData(missing)} DATA are missing to a stake’s least, ${shortData(least)} DATA` : 'anybody can stake it';
}

/** Whether there is something that `stake_sponsored` can stake: what lies there, or what came back and was not taken in yet. */
export function canStake(vault: Vault): boolean {
  const [idle, rest, staked, least] = [vault.idle_wei, vault.rest_wei, vault.staked_wei, vault.least_stake_wei].map(BigInt);
  return !vault.ended && idle! + rest! > 0n && idle! + rest! + staked! >= least!;
}

/** Shares have 27 decimals; as many of them are shown as of amounts. */
export function shortShares(shares: string): string {
  return shortData(BigInt(shares) / 10n ** 9n);
}
