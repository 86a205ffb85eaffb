/** A publisher's account: plan, stake, quota and its use, session keys, unstake. */
import { useState } from 'preact/hooks';
import type { Account } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Field } from '../../parts/field';
import { Hash } from '../../parts/figures';
import { FirstHeading, Section, Show } from '../../parts/section';
import { isAddress } from '../../wallet/provider';
import { PriceChart } from '../price_chart';
import { Keys } from './keys';
import { Overages } from './overages';
import { Overview } from './overview';
import { Planner } from './planner';
import { StakeForm } from './stake_form';
import { Unstake } from './unstake';

export function PublisherView({ address }: { address: string | null }) {
  const { session } = useSurroundings();
  const own = session.connected?.account ?? null;
  const shown = address?.toLowerCase() ?? own;
  const [amount, setAmount] = useState('');
  const account = useLoad<Account>(shown && `/v1/accounts/${shown}`);
  // Another's account is looked at; only one's own is acted on.
  const mine = own !== null && shown === own;
  return (
    <>
      <FirstHeading view="publisher" />
      {shown && (
        <p class="who">
          {mine ? 'Your account' : 'Looking at'} <Hash hex={shown} whole />
        </p>
      )}
      {shown && <Show loaded={account}>{(data) => <Overview account={data} />}</Show>}
      <div class="columns">
        <Planner payer={shown} onTake={setAmount} />
        {(mine || !shown) && <StakeForm account={account.data} amount={amount} onAmount={setAmount} />}
      </div>
      {account.data && (
        <>
          <Unstake account={account.data} mine={mine} />
          <Keys account={account.data} mine={mine} />
          <Overages payer={account.data.address} />
        </>
      )}
      <Section title="Quota per DATA">
        <PriceChart />
      </Section>
      <Lookup />
    </>
  );
}

function Lookup() {
  const [address, setAddress] = useState('');
  const [error, setError] = useState<string | null>(null);
  const look = (event: Event) => {
    event.preventDefault();
    if (isAddress(address.trim())) location.hash = `#/publisher/${address.trim().toLowerCase()}`;
    else setError('An address is 0x and 40 hexadecimal digits.');
  };
  return (
    <Section title="Look at an account">
      <form onSubmit={look} class="row">
        <Field label="Address" value={address} onValue={setAddress} error={error} hint="Stakes and quotas are public." />
        <button type="submit" class="quiet">
          Look
        </button>
      </form>
    </Section>
  );
}
