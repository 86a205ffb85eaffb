/** What the API answers (`/openapi.json` has it in full): amounts are decimal text, because numbers end at 2^53. */

export type Hex = `0x${string}`;

export interface AsOf {
  block: number;
  hash: Hex;
  time_s: number;
  finalized: boolean;
}

export interface Network {
  as_of: AsOf;
  chain_id: number;
  deployment: Record<string, Hex | null>;
  token: { name: string; symbol: string; decimals: number };
  epoch: number;
  epoch_started_at_s: number;
  epoch_ends_at_s: number;
  epoch_length_s: number;
  fee_rate_ppb: number | string;
  quota_bytes_per_data: string;
  next_quota_bytes_per_data: string;
  minimum_stake_wei: string;
  minimum_bond_wei: string;
  unbonding_epochs: number;
  closed_epochs: number;
  finalized_epoch: number | null;
  operators: number;
  version: string;
}

export interface Unbonding {
  amount_wei: string;
  withdrawable_epoch: number;
  withdrawable_at_s: number;
}

export interface Stake {
  stake_wei: string;
  withdrawable_wei: string;
  unbonding_wei: string;
  unbonding: Unbonding[];
  fee_rate_ppb: number | string;
  fees_paid_wei: string;
  fees_since_epoch: number;
  quota_bytes: string;
  next_quota_bytes: string;
  epoch: number;
  next_epoch_at_s: number;
}

export interface Use {
  epoch: number;
  receipts: number;
  messages: string;
  bytes: string;
  bytes_on_time: string;
  is_complete: boolean;
}

export interface SessionKey {
  key: Hex;
  state: 'active' | 'revoked';
  from_epoch: number;
  last_epoch: number | null;
}

export interface Account {
  as_of: AsOf;
  address: Hex;
  coin_wei: string;
  balance_wei: string;
  allowance_wei: string;
  stake: Stake;
  used: Use | null;
  session_keys: SessionKey[];
  operators: number[];
}

export interface Plan {
  as_of: AsOf;
  needed_bytes_per_epoch: string;
  quota_bytes_per_data: string;
  epochs: number;
  stake_needed_wei: string;
  fee_per_epoch_wei: string;
  fee_per_day_wei: string;
  fee_per_year_wei: string;
  payer?: { address: Hex; stake_wei: string; missing_wei: string; lasts_epochs: number | null } | null;
}

export interface Prices {
  as_of: AsOf;
  prices: { epoch: number; quota_bytes_per_data: string }[];
}

/** What payers paid for a GiB of their quotas in the newest closed epoch. */
export interface RealisedPrices {
  as_of: AsOf;
  epoch: number | null;
  is_complete: boolean;
  median_nano_per_gib: string | null;
  payers: { payer: Hex; fee_nano: string; steered_nano: string; quota_bytes: string; nano_per_gib: string | null }[];
  next: Hex | null;
}

/** What relays ask for a GiB, as far as the server was told to ask them. */
export interface Asks {
  asked_at_s: number | null;
  silent: number;
  median_ask_nano_per_gib: string | null;
  relays: { node: Hex; operator: number | null; ask_nano_per_gib: string | null }[];
}

/** A stream partition in numbers, as its tracker has it. */
export interface StreamShown {
  stream: Hex;
  id: string;
  partition: number;
  owner: Hex | null;
  relays: number;
  clients: number;
  publishers: number;
  bytes_per_s: string;
}

/** The streams that trackers know, as far as the server was told to ask them. */
export interface Streams {
  as_of: AsOf;
  asked_at_s: number | null;
  silent: number;
  is_complete: boolean;
  streams: StreamShown[];
  next: Hex | null;
}

/** Who carries a stream for whom. */
export interface StreamStatus extends StreamShown {
  as_of: AsOf;
  asked_at_s: number;
  relays_asked_at_s: number | null;
  is_cut: boolean;
  nodes: { node: Hex; is_relay: boolean; operator: number | null; delay_ms: number | null; messages: string | null }[];
  links: StreamLink[];
}

/** Two neighbours, and how long each takes to answer the other, by that one's word: of relays only. */
export interface StreamLink {
  a: Hex;
  b: Hex;
  round_trip_by_a_us: number | null;
  round_trip_by_b_us: number | null;
}

export interface Operator {
  id: number;
  owner: Hex;
  payout: Hex;
  bond_wei: string;
  declared_bytes: string;
  capacity_bytes: string;
  next_capacity_bytes: string;
  exit_epoch: number | null;
  bond_free_from: number | null;
  epoch: number;
  claimed_nano: string;
  payout_balance_wei: string;
}

export interface Operators {
  as_of: AsOf;
  operators: Operator[];
  next: number | null;
}

export interface OneOperator {
  as_of: AsOf;
  operator: Operator;
  /** Its owner's words: empty if it has none. */
  name: string;
  /** Who may take it over. */
  candidate: Hex | null;
  pool_owner: Hex | null;
  nodes: Hex[];
  earned: { claimable_nano: string; proof: { epoch: number; cumulative_nano: string; root: Hex } } | null;
}

/** What was asked back of a pool in one epoch. */
export interface DelegationRequest {
  requested: number;
  shares: string;
  worth_wei: string;
  redeemable_from: number;
  redeemable: boolean;
}

export interface DelegationPool {
  pool: Hex;
  operator: number;
  owner: Hex;
  active_wei: string;
  shares: string;
  own_shares: string;
  unreleased_wei: string;
  release_ends_s: number;
  leaving_wei: string;
  uncollected_wei: string;
  bond_wei: string;
  releasing_wei: string;
  balance_wei: string;
  cut_bps: number;
  next_cut_bps: number | null;
  next_cut_from: number | null;
  retired: boolean;
  max_delegation_wei: string;
  unbonding_epochs: number;
  epoch: number;
  delegator: { account: Hex; shares: string; worth_wei: string; requests: DelegationRequest[] } | null;
}

export interface Delegation {
  as_of: AsOf;
  pool: DelegationPool;
  next: number | null;
}

export interface Holdings {
  as_of: AsOf;
  delegations: { operator: number; pool: Hex; shares: string; worth_wei: string }[];
  next: number | null;
}

export interface BilledOverages {
  as_of: AsOf;
  overages: { payer: Hex; epoch: number; prover: Hex; bill_wei: string; charged_wei: string }[];
  next: number | null;
}

export interface OwedOverages {
  as_of: AsOf;
  epoch: number;
  is_final: boolean;
  overages: { payer: Hex; quota_bytes: string; units: string; bill_wei: string; is_filed: boolean }[];
  next: Hex | null;
}

export interface Earning {
  epoch: number;
  state: string;
  work_nano: string;
  paid_nano: string;
  pool_nano: string;
  total_nano: string;
  cumulative_nano: string;
}

export interface Earnings {
  operator: number;
  epochs: Earning[];
}

export interface Epoch {
  epoch: number;
  state: 'open' | 'closing' | 'rolled' | 'proposed' | 'finalized';
  receipts?: number | null;
  block_number?: number | null;
  block_hash?: Hex | null;
  manifest_hash?: Hex | null;
  root?: Hex | null;
  receipts_root?: Hex | null;
  pot_nano?: string | null;
  distributed_nano?: string | null;
  uri?: string | null;
  proposer?: Hex | null;
  propose_tx?: Hex | null;
  finalizable_at_s?: number | null;
  finalize_tx?: Hex | null;
  note?: string | null;
  updated_ms: number;
}

export interface CountedReceipt {
  leaf: Hex;
  receipt: {
    payer: Hex;
    operator_id: number;
    role: string | number;
    messages: string | number;
    bytes: string | number;
    bytes_on_time: string | number;
  };
  signature: Hex;
}

export interface ReceiptPage {
  epoch: number;
  receipts: CountedReceipt[];
  next_offset: number | null;
}

export interface Payout {
  epoch: number;
  operator: number;
  work: {
    payer: Hex;
    receipts: number;
    units_bytes: string;
    payer_units_bytes: string;
    payer_steers_nano: string;
    work_nano: string;
  }[];
  next_offset?: number | null;
  work_nano: string;
  cap_nano: string;
  paid_nano: string;
  pool_nano: string;
  role_nano: string;
  total_nano: string;
  before_nano: string;
  cumulative_nano: string;
}

export interface SendStep {
  kind: 'send';
  label: string;
  to: Hex;
  data: Hex;
  value_wei: string;
  gas: number | string | null;
  refused: string | null;
}

export interface TypedData {
  domain: Record<string, unknown>;
  types: Record<string, unknown>;
  primaryType: string;
  message: Record<string, unknown>;
}

export interface SignStep {
  kind: 'sign';
  label: string;
  typed_data: TypedData;
  answer: string;
}

export interface ActionPlan {
  as_of: AsOf;
  chain_id: number;
  account: Hex;
  warnings: string[];
  steps: (SendStep | SignStep)[];
}

/** An action's name with what it takes, as `POST /v1/actions` wants them beside the account. */
export type Action = { action: string } & Record<string, unknown>;

/** What the server pays the gas of; nothing where it pays nobody's. */
export interface Relay {
  as_of: AsOf;
  relay: RelayTerms | null;
}

export interface RelayTerms {
  account: Hex;
  purse_wei: string;
  left_wei: string;
  wei_per_hour: string;
  wei_per_address_hour: string;
  least_wei: string;
}

/** What `POST /v1/relay` is asked for; a stake's permit is added once it is signed. */
export type PaidAction =
  | { action: 'stake_with_permit'; payer: Hex; amount_wei: string }
  | { action: 'claim'; operator: number };

export interface Transaction {
  as_of: AsOf;
  hash: Hex;
  state: 'unknown' | 'pending' | 'succeeded' | 'reverted' | 'replaced';
  block: number | null;
  confirmations: number;
  reason: string | null;
}
