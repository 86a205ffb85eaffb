/** Money into a sponsors' vault and out of it. */
import { useState } from 'preact/hooks';
import { count, parsePositiveData, percent, shortData } from '../../amounts';
import type { Vault } from '../../api/sponsors';
import type { Action } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { Ways, wayOf, type Way } from '../../parts/ways';
import { askedBack, sponsored } from './typed';

export function SponsorForm({ vault }: { vault: Vault }) {
  const [amount, setAmount] = useState('');
  const [way, setWay] = useState<Way>('permit');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const made = sponsored(vault, parsePositiveData(amount), wayOf(way));
    setError(made.why);
    return made.action;
  };
  const { sponsor } = vault;
  return (
    <Section title="Sponsor">
      <p class="notice warn">
        The stake pays {percent(vault.fee_rate_ppb)} in every epoch, whether anybody reads or not. What the owner’s keys sign beyond the
        quota is billed to all who hold shares: sponsor whom you trust with that.
      </p>
      <Field
        label="Amount to sponsor"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), setAmount(text))}
        error={error}
        hint={sponsor ? `You have ${shortData(BigInt(sponsor.balance_wei))} DATA.` : undefined}
      />
      <Ways way={way} onWay={setWay} />
      <p class="hint">
        All but the last name the fewest shares that are taken; transfer and call takes the price that there is. It lies in the vault until
        somebody stakes it.
      </p>
      <Act label="Sponsor" action={action} asBatch={way === 'batch'} onDone={() => setAmount('')} />
    </Section>
  );
}

export function AskBackForm({ vault }: { vault: Vault }) {
  const [amount, setAmount] = useState('');
  const [error, setError] = useState<string | null>(null);
  const some = (): Action | null => {
    const made = askedBack(vault, parsePositiveData(amount));
    setError(made.why);
    return made.action;
  };
  const epochs = `${count(vault.unbonding_epochs)} ${vault.unbonding_epochs === 1 ? 'epoch' : 'epochs'}`;
  return (
    <Section title="Ask back">
      <p class="notice warn">
        What of it is staked still pays the fee of this epoch, waits {epochs} or until this epoch’s distribution is final, and answers for what
        the owner’s keys sign beyond the quota until it is redeemed. A request cannot be taken back.
      </p>
      <Field
        label="Amount to ask back"
        unit="DATA"
        mode="decimal"
        value={amount}
        onValue={(text) => (setError(null), setAmount(text))}
        error={error}
        hint={`Your part is worth ${shortData(BigInt(vault.sponsor?.worth_wei ?? '0'))} DATA.`}
      />
      <div class="buttons">
        <Act label="Ask back" action={some} onDone={() => setAmount('')} />
        <Act label="Ask all back" quiet action={() => ({ action: 'request_sponsored_all', vault: vault.vault })} />
      </div>
    </Section>
  );
}
