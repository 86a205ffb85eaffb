/** What an operator needs to be paid, as far as the chain shows it. */
import type { ComponentChildren } from 'preact';
import { shortData } from '../../amounts';
import type { Account, OneOperator, Relay } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Age } from '../../parts/figures';
import { Section } from '../../parts/section';

export function Readiness({ data, owner }: { data: OneOperator; owner: Account | null }) {
  const { network } = useSurroundings();
  const { operator, nodes } = data;
  const relay = useLoad<Relay>('/v1/relay').data?.relay;
  const least = BigInt(network.minimum_bond_wei);
  return (
    <Section title="Ready to be paid?" foot={<Age asOf={data.as_of} />}>
      <ul class="checks">
        <Check ok={operator.exit_epoch === null}>It has not left</Check>
        <Check ok={BigInt(operator.bond_wei) >= least}>Its bond is at least {shortData(least)} DATA</Check>
        <Check ok={nodes.length > 0}>It has a node</Check>
        <Check ok={BigInt(operator.next_capacity_bytes) > 0n}>Its declared capacity is backed by its bond</Check>
        <Check ok={owner ? BigInt(owner.coin_wei) > 0n : null}>Its owner has coin for gas</Check>
        {relay && <Check ok={BigInt(relay.purse_wei) >= BigInt(relay.wei_per_hour)}>The server, which pays the gas of claims, has coin for an hour’s budget</Check>}
      </ul>
      <p class="hint">
        Whether a node is reachable from outside, and its version, only its machine can tell: run <code>tatum doctor</code> there.
      </p>
    </Section>
  );
}

function Check({ ok, children }: { ok: boolean | null; children: ComponentChildren }) {
  const [sign, word] = ok === null ? ['?', 'not known'] : ok ? ['✓', 'yes'] : ['✗', 'no'];
  return (
    <li class={ok === null ? '' : ok ? 'good' : 'bad'}>
      <span class="sign" aria-hidden="true">
        {sign}
      </span>
      <span>
        {children}
        <span class="unseen">: {word}</span>
      </span>
    </li>
  );
}
