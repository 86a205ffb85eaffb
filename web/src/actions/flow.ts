/**
 * Carries out one action: asks the API for its steps, has the wallet sign and send them, and follows what was sent.
 *
 * Invariant: nothing goes to the wallet that the API did not build for the account and chain that the wallet is on at that moment; what
 * the contract would refuse is never sent; every end has words, and says when nothing has changed. Where the server pays for the gas, the wallet
 * sends nothing at all.
 */
import { Problem, type Api } from '../api/client';
import type { Action, ActionPlan, Hex, PaidAction, SendStep, SignStep } from '../api/types';
import { accountsOf, chainOf, hexOf, type Provider } from '../wallet/provider';
import { walletError, type Kind } from '../wallet/words';
import { sentence } from '../words';
import { sendBatch } from './batch';
import type { Clock } from './clock';
import { follow, outcomeWords, paidOutcomeWords, type Outcome } from './follow';

export type Stage =
  | { at: 'idle' }
  | { at: 'preparing' }
  | { at: 'warned'; warnings: string[] }
  | { at: 'signing'; label: string }
  | { at: 'confirming'; label: string; step: number; of: number }
  | { at: 'pending'; label: string; step: number; of: number; hash: Hex | null; note: string | null }
  | { at: 'done'; text: string; hashes: Hex[] }
  | { at: 'failed'; text: string; hashes: Hex[] };

/** What gives something up: it is asked for once more, with the API's warnings. Other actions' are shown beside what happens. */
const FORFEITING = new Set([
  'unstake',
  'unstake_all',
  'revoke_session_key',
  'leave',
  'exit_channel',
  'create_delegation_pool',
  'set_delegation_cut',
  'offer_operator',
  'accept_operator',
  'request_delegation',
  'request_delegation_all',
  'request_sponsored',
  'request_sponsored_all',
  'authorize_sponsored_key',
  'revoke_sponsored_key',
]);

export interface Asked {
  action: Action;
  account: Hex;
  /** Sends several steps as one batch, where the wallet can. */
  asBatch?: boolean;
  /** What the server is asked to send and to pay for, in the place of the wallet. */
  paid?: PaidAction | null;
}

export interface Flow {
  api: Api;
  provider: Provider;
  clock: Clock;
  report(stage: Stage): void;
  /** What should be known besides. */
  note(warnings: string[]): void;
  /** Whether the user goes on after these warnings. */
  agree(warnings: string[]): Promise<boolean>;
}

/** What went out, and how many steps of it hold. */
interface Sent {
  hashes: Hex[];
  held: number;
}

/** An end that is no success, with words for it. */
class Stop extends Error {
  constructor(
    text: string,
    readonly kind: Kind | 'refused' | 'moved' | 'outcome' = 'other',
  ) {
    super(text);
  }
}

/** Runs to the end, which is reported and returned. */
export async function run(flow: Flow, asked: Asked): Promise<Stage> {
  const sent: Sent = { hashes: [], held: 0 };
  try {
    await carryOut(flow, asked, sent);
    return ending(flow, { at: 'done', text: 'Done.', hashes: sent.hashes });
  } catch (error) {
    return ending(flow, { at: 'failed', text: withHeld(wordsOf(error), sent.held), hashes: sent.hashes });
  }
}

async function carryOut(flow: Flow, asked: Asked, sent: Sent): Promise<void> {
  flow.report({ at: 'preparing' });
  if (asked.paid) return havePaid(flow, asked, asked.paid, sent);
  let action = asked.action;
  let plan = await prepare(flow, asked.account, action);
  if (plan.warnings.length > 0 && FORFEITING.has(asked.action.action)) {
    flow.report({ at: 'warned', warnings: plan.warnings });
    if (!(await flow.agree(plan.warnings))) throw new Stop('You went no further. Nothing has changed.', 'rejected');
  } else {
    flow.note(plan.warnings);
  }
  const signing = plan.steps.find((step) => step.kind === 'sign');
  if (signing) ({ plan, action } = await signed(flow, asked, signing, plan.chain_id));
  const sends = plan.steps.filter((step) => step.kind === 'send');
  // All are looked at before the first is sent.
  for (const step of sends) if (step.refused) throw new Stop(`${sentence(step.refused)} Nothing was sent.`, 'refused');
  if (asked.asBatch && sends.length > 1 && (await batched(flow, plan, sends, sent))) return;
  for (const [index, step] of sends.entries()) {
    const now = index > 0 && step.gas === null ? await triedNow(flow, asked.account, action, step) : step;
    await sendOne(flow, plan, now, { step: index + 1, of: sends.length }, sent);
  }
}

/** A step that needed another before it could be tried: asked for anew, it comes with its gas and with what the contract says now. */
async function triedNow(flow: Flow, account: Hex, action: Action, step: SendStep): Promise<SendStep> {
  const plan = await prepare(flow, account, action).catch((error: unknown) => {
    // What was asked for once is not there to be asked for again: the step goes as it was built, and the wallet tries it.
    if (error instanceof Problem && error.code === 'refused') return null;
    throw error;
  });
  const same = plan?.steps.find((one): one is SendStep => one.kind === 'send' && one.data === step.data);
  if (same?.refused) throw new Stop(sentence(same.refused), 'refused');
  return same ?? step;
}

function prepare(flow: Flow, account: Hex, action: Action): Promise<ActionPlan> {
  return flow.api.post<ActionPlan>('/v1/actions', { account, ...action });
}

/** The plan that follows from the wallet's signature; or the one without, where the wallet signs no typed data. */
async function signed(
  flow: Flow,
  asked: Asked,
  step: SignStep,
  chainId: number,
): Promise<{ plan: ActionPlan; action: Action }> {
  const answer = await signature(flow, asked.account, step, chainId);
  const action = { ...asked.action, ...(answer ?? { by: 'approve' }) };
  return { plan: await prepare(flow, asked.account, action), action };
}

/** What the API asked to be signed, by the name that it wants it under; nothing where the wallet signs no typed data. */
async function signature(flow: Flow, account: Hex, step: SignStep, chainId: number): Promise<Record<string, unknown> | null> {
  await unmoved(flow, account, chainId);
  flow.report({ at: 'signing', label: step.label });
  const method = 'eth_signTypedData_v4';
  let signature: unknown;
  try {
    signature = await flow.provider.request({ method, params: [account, JSON.stringify(step.typed_data)] });
  } catch (error) {
    const { kind, text } = walletError(error, method);
    if (kind !== 'unsupported') throw new Stop(text, kind);
    flow.report({ at: 'preparing' });
    return null;
  }
  const deadline_s = Number(step.typed_data.message.deadline);
  if (flow.clock.now() >= deadline_s * 1000) {
    throw new Stop('The permit’s deadline passed before it was signed. Nothing has changed; start again.', 'refused');
  }
  flow.report({ at: 'preparing' });
  return { [step.answer]: { deadline_s, signature } };
}

/** The server sends it and pays the gas: a stake by the permit that the wallet signs, a claim by nothing of anybody's. */
async function havePaid(flow: Flow, { action, account }: Asked, paid: PaidAction, sent: Sent): Promise<void> {
  let answer: Record<string, unknown> | null = {};
  if (paid.action === 'stake_with_permit') {
    const plan = await prepare(flow, account, { ...action, by: 'permit' });
    const step = plan.steps.find((step) => step.kind === 'sign');
    answer = step ? await signature(flow, account, step, plan.chain_id) : null;
  }
  if (!answer) {
    throw new Stop('Your wallet signs no permit, and without one nobody can pay for your gas. Nothing has changed; stake in another way.');
  }
  const hash = await carried(flow, { ...paid, ...answer });
  sent.hashes.push(hash);
  const outcome = await followed(flow, { at: 'pending', label: 'paid for by the server', step: 1, of: 1, hash, note: null });
  if (outcome.is !== 'succeeded') throw new Stop(paidOutcomeWords(outcome), 'outcome');
  sent.held += 1;
}

/** What the server sent. Every refusal of it says what can be done instead; whether nothing was sent is known of those alone that are no failures. */
async function carried(flow: Flow, asked: Record<string, unknown>): Promise<Hex> {
  try {
    return (await flow.api.post<{ hash: Hex }>('/v1/relay', asked)).hash;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const told = `${error.title}. ${sentence(error.message)}`;
    const unsent = (error.status > 0 && error.status < 500) || error.code === 'relay_empty';
    const after = unsent
      ? 'Nothing has changed; you can pay for the gas yourself.'
      : 'If it was sent all the same, the figures will show it.';
    throw new Stop(`${told} ${after}`, 'refused');
  }
}

async function sendOne(
  flow: Flow,
  plan: ActionPlan,
  step: SendStep,
  place: { step: number; of: number },
  sent: Sent,
): Promise<void> {
  await unmoved(flow, plan.account, plan.chain_id);
  flow.report({ at: 'confirming', label: step.label, ...place });
  const method = 'eth_sendTransaction';
  let hash: Hex;
  try {
    hash = (await flow.provider.request({ method, params: [transaction(plan, step)] })) as Hex;
  } catch (error) {
    const { kind, text } = walletError(error, method);
    throw new Stop(text, kind);
  }
  sent.hashes.push(hash);
  const outcome = await followed(flow, { at: 'pending', label: step.label, ...place, hash, note: null });
  if (outcome.is !== 'succeeded') throw new Stop(outcomeWords(outcome), 'outcome');
  sent.held += 1;
}

/** What becomes of a transaction, with every turn reported. */
function followed(flow: Flow, pending: Extract<Stage, { at: 'pending' }> & { hash: Hex }): Promise<Outcome> {
  flow.report(pending);
  return follow(flow.api, pending.hash, flow.clock, (state) => {
    flow.report({ ...pending, note: state === 'no_answer' ? 'The server does not answer; it is asked again.' : null });
  });
}

/** The request for `eth_sendTransaction`. */
function transaction(plan: ActionPlan, step: SendStep): Record<string, string> {
  const call = { from: plan.account, to: step.to, data: step.data, value: hexOf(step.value_wei), chainId: hexOf(plan.chain_id) };
  return step.gas === null ? call : { ...call, gas: hexOf(step.gas) };
}

/** Whether the steps went as one; without that the caller sends them one by one. */
async function batched(flow: Flow, plan: ActionPlan, sends: SendStep[], sent: Sent): Promise<boolean> {
  await unmoved(flow, plan.account, plan.chain_id);
  const label = sends.map((step) => step.label).join(', then ');
  flow.report({ at: 'confirming', label, step: 1, of: 1 });
  const waiting = () => flow.report({ at: 'pending', label, step: 1, of: 1, hash: null, note: null });
  const end = await sendBatch(flow.provider, plan, sends, flow.clock, waiting);
  if (end.is === 'unsupported') return false;
  sent.hashes.push(...(end.is === 'sent' ? end.hashes : []));
  if (end.is === 'failed') throw new Stop(end.text, end.kind);
  return true;
}

/** Stops if the wallet has gone to another chain or account since the steps were built. */
async function unmoved(flow: Flow, account: Hex, chainId: number): Promise<void> {
  const [chain, accounts] = await place(flow.provider);
  if (chain !== chainId) {
    throw new Stop(
      `The wallet went to chain ${chain} meanwhile; this is for chain ${chainId}. Switch back and start again.`,
      'moved',
    );
  }
  if (!accounts.includes(account.toLowerCase() as Hex)) {
    throw new Stop('The wallet went to another account meanwhile. Start again.', 'moved');
  }
}

async function place(provider: Provider): Promise<[number, Hex[]]> {
  try {
    return [await chainOf(provider), await accountsOf(provider, 'eth_accounts')];
  } catch (error) {
    const { kind, text } = walletError(error, 'eth_chainId');
    throw new Stop(text, kind);
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof Stop) return error.message;
  if (error instanceof Problem) return `${error.title}. ${sentence(error.message)}`;
  return `This page failed: ${String(error)}`;
}

/** A later step's end must not hide that an earlier one holds. */
function withHeld(text: string, held: number): string {
  return held > 0 ? `${text.replace('Nothing has changed.', '').trim()} The step before it was carried out and stays.` : text;
}

function ending(flow: Flow, stage: Stage): Stage {
  flow.report(stage);
  return stage;
}
