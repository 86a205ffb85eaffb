/** Money into a sponsors' vault and out of it. */
import { useState } from 'preact/hooks';
import { count, parsePositiveData, percent, shortData } from '../../amounts';
import type { Vault } from '../../api/sponsors';
import { Act } from '../../parts/act';
import { AskBack } from '../../parts/asked_back';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { useTyped } from '../../parts/typed';
import { Ways, wayOf, type Way } from '../../parts/ways';
import { askedBack, sponsored } from './typed';

export function SponsorForm({ vault }: { vault: Vault }) {
  const [way, setWay] = useState<Way>('permit');
  const { field, act } = useTyped((text) => sponsored(vault, parsePositiveData(text), wayOf(way)));
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
        {...field}
        hint={sponsor ? `You have ${shortData(BigInt(sponsor.balance_wei))} DATA.` : undefined}
      />
      <Ways way={way} onWay={setWay} />
      <p class="hint">
        All but the last name the fewest shares that are taken; transfer and call takes the price that there is. It lies in the vault until
        somebody stakes it.
      </p>
      <Act label="Sponsor" {...act} asBatch={way === 'batch'} />
    </Section>
  );
}

export function AskBackForm({ vault }: { vault: Vault }) {
  const epochs = `${count(vault.unbonding_epochs)} ${vault.unbonding_epochs === 1 ? 'epoch' : 'epochs'}`;
  return (
    <AskBack
      worth_wei={vault.sponsor?.worth_wei ?? '0'}
      some={(amount) => askedBack(vault, amount)}
      all={{ action: 'request_sponsored_all', vault: vault.vault }}
    >
      What of it is staked still pays the fee of this epoch, waits {epochs} or until this epoch’s distribution is final, and answers for what
      the owner’s keys sign beyond the quota until it is redeemed. A request cannot be taken back.
    </AskBack>
  );
}
