/** Staking in one flow: by permit, in one batch, by an approval, or by a transfer that calls; or by a permit whose gas the server pays. */
import { useState } from 'preact/hooks';
import { parsePositiveData, shortData } from '../../amounts';
import type { Account, Action, PaidAction } from '../../api/types';
import { Act } from '../../parts/act';
import { FeeChoice, useFee } from '../../parts/fee';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { Ways, wayOf, type Way } from '../../parts/ways';

interface StakeFormProps {
  account: Account | null;
  amount: string;
  onAmount: (amount: string) => void;
}

export function StakeForm({ account, amount, onAmount }: StakeFormProps) {
  const [way, setWay] = useState<Way>('permit');
  const fee = useFee();
  const [error, setError] = useState<string | null>(null);
  const balance = account ? BigInt(account.balance_wei) : null;
  const action = (): Action | null => {
    const parsed = parsePositiveData(amount);
    const least = fee.isPaid && fee.terms ? BigInt(fee.terms.least_wei) : 0n;
    const why = !parsed.ok
      ? parsed.why
      : balance !== null && parsed.wei > balance
        ? `You have ${shortData(balance)} DATA.`
        : parsed.wei < least
          ? `The gas is paid from ${shortData(least)} DATA on.`
          : null;
    setError(why);
    if (why !== null || !parsed.ok) return null;
    return { action: 'stake', amount_wei: parsed.wei.toString(), by: wayOf(way) };
  };
  const paid = ({ amount_wei }: Action): PaidAction | null =>
    fee.isPaid && account ? { action: 'stake_with_permit', payer: account.address, amount_wei: String(amount_wei) } : null;
  return (
    <Section title="Stake">
      <Field
        label="Amount"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), onAmount(text))}
        error={error}
        hint={balance === null ? undefined : `You have ${shortData(balance)} DATA.`}
      />
      <FeeChoice fee={fee} what="stakes" />
      {fee.isPaid ? <p class="hint">One signature, and no transaction of yours.</p> : <Ways way={way} onWay={setWay} />}
      <p class="hint">It counts for your quota from the next epoch on, and pays the fee from then.</p>
      <Act label="Stake" action={action} asBatch={way === 'batch'} paid={paid} onDone={() => onAmount('')} />
    </Section>
  );
}
