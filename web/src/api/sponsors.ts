/** What the API answers of sponsors' vaults. */
import type { AsOf, Hex, SessionKey } from './types';

/** What a vault is for. */
export interface VaultSummary {
  vault: Hex;
  stream_owner: Hex;
  streams: Hex;
  end_epoch: number;
}

export interface Vaults {
  as_of: AsOf;
  vaults: VaultSummary[];
  next: Hex | null;
}

/** What was asked back of a vault in one epoch. */
export interface SponsorRequest {
  requested: number;
  worth_wei: string;
  redeemable_from: number;
  redeemable_at_s: number;
  redeemable: boolean;
}

/** What somebody has of a vault. */
export interface Sponsor {
  account: Hex;
  shares: string;
  worth_wei: string;
  balance_wei: string;
  requests: SponsorRequest[];
}

export interface Vault extends VaultSummary {
  ended: boolean;
  shares: string;
  total_wei: string;
  staked_wei: string;
  idle_wei: string;
  rest_wei: string;
  owed_wei: string;
  least_stake_wei: string;
  fee_rate_ppb: number | string;
  quota_bytes: string;
  next_quota_bytes: string;
  keys: SessionKey[];
  unbonding_epochs: number;
  epoch: number;
  next_epoch_at_s: number;
  sponsor: Sponsor | null;
}

export interface Sponsorship {
  as_of: AsOf;
  vault: Vault;
  next: number | null;
}

export interface Sponsored {
  as_of: AsOf;
  sponsored: { vault: Hex; shares: string; worth_wei: string }[];
  next: Hex | null;
}
