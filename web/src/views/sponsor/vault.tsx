/** One sponsors' vault: what it holds and may have carried, what one's own part is, and what to do with it. */
import { useState } from 'preact/hooks';
import { count, percent } from '../../amounts';
import type { Sponsor, Sponsorship, Vault } from '../../api/sponsors';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { AskedBack } from '../../parts/asked_back';
import { Age, Bytes, Data, Figure, Figures, Hash, When } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { Heading, Section, Show } from '../../parts/section';
import { VaultKeys } from './keys';
import { AskBackForm, SponsorForm } from './money';
import { canStake, idleNote, shortShares } from './typed';

const REQUESTS = 20;

export function VaultView({ address }: { address: string }) {
  const { session } = useSurroundings();
  const own = session.connected?.account ?? null;
  const [before, setBefore] = useState<number[]>([]);
  const page = pageOf(REQUESTS, 'before', before);
  const loaded = useLoad<Sponsorship>(`/v1/sponsors/${address}${own ? `/${own}${page}` : ''}`);
  return (
    <>
      <Heading title="Sponsors’ vault" lead={<a href="#/sponsor">All vaults</a>}>
        Sponsors’ vault
      </Heading>
      <Show loaded={loaded}>
        {(data) => (
          <>
            <Holdings data={data} />
            {data.vault.sponsor && (
              <Section title="Your part" foot={<Age asOf={data.as_of} />}>
                <Part vault={data.vault} sponsor={data.vault.sponsor} />
                <Pages places={before} next={data.next} onPlaces={setBefore} />
              </Section>
            )}
            <div class="columns">
              {!data.vault.ended && <SponsorForm vault={data.vault} />}
              {BigInt(data.vault.sponsor?.shares ?? '0') > 0n && <AskBackForm vault={data.vault} />}
            </div>
            <VaultKeys data={data} own={own} />
            <Reading vault={data.vault} />
          </>
        )}
      </Show>
    </>
  );
}

function Holdings({ data: { as_of, vault } }: { data: Sponsorship }) {
  return (
    <Section title="Vault" foot={<Age asOf={as_of} />}>
      {vault.ended && (
        <p class="notice warn">
          It ended when epoch {count(vault.end_epoch)} began: nothing is sponsored or staked any more. What is left can be asked back.
        </p>
      )}
      <Figures>
        <Figure name="Holds" note={`for ${shortShares(vault.shares)} shares`}>
          <Data wei={vault.total_wei} />
        </Figure>
        <Figure name="Staked" note={`pays ${percent(vault.fee_rate_ppb)} an epoch`}>
          <Data wei={vault.staked_wei} />
        </Figure>
        <Figure name="Not staked yet" note={idleNote(vault)}>
          <Data wei={vault.idle_wei} />
        </Figure>
        <Figure name="On its way back" note="to all who hold shares">
          <Data wei={vault.rest_wei} />
        </Figure>
        <Figure name="Owed" note="asked back and not redeemed">
          <Data wei={vault.owed_wei} />
        </Figure>
        <Figure name="Quota this epoch">
          <Bytes bytes={vault.quota_bytes} />
        </Figure>
        <Figure name="Quota next epoch" note={<When time_s={vault.next_epoch_at_s} />}>
          <Bytes bytes={vault.next_quota_bytes} />
        </Figure>
        <Figure name="Ends in epoch" note={`this is epoch ${count(vault.epoch)}`}>
          {count(vault.end_epoch)}
        </Figure>
      </Figures>
      <dl class="addresses">
        <dt>Vault</dt>
        <dd>
          <Hash hex={vault.vault} whole />
        </dd>
        <dt>Streams’ owner</dt>
        <dd>
          <Hash hex={vault.stream_owner} whole />
        </dd>
        <dt>Streams</dt>
        <dd>
          <Hash hex={vault.streams} whole />
        </dd>
      </dl>
      <p>
        <a href={`#/publisher/${vault.vault.toLowerCase()}`}>What it used and was billed</a>
      </p>
      <Keeping vault={vault} />
    </Section>
  );
}

/** What anybody may do with a vault, where there is something to be done. */
function Keeping({ vault }: { vault: Vault }) {
  const address = vault.vault;
  const due = BigInt(vault.rest_wei) + BigInt(vault.owed_wei) > 0n;
  const endable = vault.ended && BigInt(vault.staked_wei) > 0n;
  if (!canStake(vault) && !due && !endable) return null;
  return (
    <>
      <div class="buttons">
        {canStake(vault) && <Act label="Stake it" action={() => ({ action: 'stake_sponsored', vault: address })} />}
        {due && <Act label="Bring in what is due" quiet action={() => ({ action: 'collect_sponsored', vault: address })} />}
        {endable && <Act label="Ask for the whole stake" action={() => ({ action: 'end_sponsored', vault: address })} />}
      </div>
      <p class="hint">
        Anybody may. {canStake(vault) && 'What is staked counts as quota from the next epoch on. '}
        {due && 'What the stake pool owes the vault, it pays 50 exits at once. '}
        {endable && 'Whoever asks back after that waits no second time.'}
      </p>
    </>
  );
}

function Part({ vault, sponsor }: { vault: Vault; sponsor: Sponsor }) {
  return (
    <>
      <Figures>
        <Figure name="Worth" note={`${shortShares(sponsor.shares)} shares`}>
          <Data wei={sponsor.worth_wei} />
        </Figure>
        <Figure name="Balance">
          <Data wei={sponsor.balance_wei} />
        </Figure>
      </Figures>
      <AskedBack
        rows={sponsor.requests}
        more={[{ name: 'That is', cell: (row) => <When time_s={row.redeemable_at_s} /> }]}
        redeem={(requested) => ({ action: 'redeem_sponsored', vault: vault.vault, requested })}
        waits={(row) => (row.redeemable_from <= vault.epoch ? 'waits for its epoch’s distribution' : 'waits')}
      />
    </>
  );
}

/** What whoever has a key of the owner's does with it. */
function Reading({ vault }: { vault: Vault }) {
  return (
    <Section title="Read by it">
      <p class="hint">
        Whoever has a key that the owner authorised reads and publishes at the vault’s cost, from the epoch after the one in which it was
        staked. The payload goes from node to node and never through this page: run this where the key is.
      </p>
      <pre class="command">
        <code>tatum subscribe STREAM --payer {vault.vault} --session-keystore KEY.json --data ./sponsored</code>
      </pre>
    </Section>
  );
}
