/** Sponsors' vaults: what an account has of some, which there are, and making one. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Sponsored, VaultSummary, Vaults } from '../../api/sponsors';
import type { Hex } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Field } from '../../parts/field';
import { Age, Data, Hash } from '../../parts/figures';
import { Pages, pageOf } from '../../parts/pages';
import { FirstHeading, Section, Show, Table } from '../../parts/section';
import { isAddress } from '../../wallet/provider';
import { CreateForm } from './create';
import { shortShares } from './typed';

const PAGE = 20;

interface SponsorsViewProps {
  /** Whose parts to show, if not one's own. */
  account: string | null;
  /** Only vaults for this owner's streams. */
  owner: string | null;
}

export function SponsorsView({ account, owner }: SponsorsViewProps) {
  const { session } = useSurroundings();
  const own = session.connected?.account ?? null;
  const shown = (account?.toLowerCase() as Hex | undefined) ?? own;
  return (
    <>
      <FirstHeading view="sponsor" />
      {!owner && shown && <Held key={shown} account={shown} mine={shown === own} />}
      {!owner && !shown && <p class="empty">Connect a wallet to see what it sponsors.</p>}
      <List key={owner} owner={owner} />
      <div class="columns">
        <CreateForm />
        <Lookup />
      </div>
    </>
  );
}

function Held({ account, mine }: { account: Hex; mine: boolean }) {
  const [after, setAfter] = useState<Hex[]>([]);
  const held = useLoad<Sponsored>(`/v1/accounts/${account}/sponsored${pageOf(PAGE, 'after', after)}`);
  return (
    <Section title={mine ? 'You sponsor' : 'It sponsors'} foot={held.data && <Age asOf={held.data.as_of} />}>
      <p class="who">
        {mine ? 'Your account' : 'Looking at'} <Hash hex={account} whole />
      </p>
      <Show loaded={held}>
        {({ sponsored, next }) => (
          <>
            <Table
              caption="Parts of vaults"
              rows={sponsored}
              empty="Nothing was sponsored."
              columns={[
                { name: 'Vault', cell: (row) => <VaultLink vault={row.vault} /> },
                { name: 'Shares', cell: (row) => shortShares(row.shares), numeric: true },
                { name: 'Worth', cell: (row) => <Data wei={row.worth_wei} />, numeric: true },
              ]}
            />
            <Pages places={after} next={next} onPlaces={setAfter} />
          </>
        )}
      </Show>
    </Section>
  );
}

function List({ owner }: { owner: string | null }) {
  const [after, setAfter] = useState<Hex[]>([]);
  const of = owner ? `&owner=${owner}` : '';
  const listed = useLoad<Vaults>(`/v1/sponsors${pageOf(PAGE, 'after', after)}${of}`);
  return (
    <Section title={owner ? 'Vaults for an owner’s streams' : 'All vaults'} foot={listed.data && <Age asOf={listed.data.as_of} />}>
      {owner && (
        <p class="who">
          Streams of <Hash hex={owner} whole /> <a href="#/sponsor">All vaults</a>
        </p>
      )}
      <Show loaded={listed}>
        {({ vaults, next }) => (
          <>
            <Table
              caption="Vaults"
              rows={vaults}
              empty={owner ? 'There is no vault for this owner’s streams.' : 'Nobody has made a vault yet.'}
              columns={[
                { name: 'Vault', cell: (row) => <VaultLink vault={row.vault} /> },
                { name: 'Streams’ owner', cell: (row) => <Hash hex={row.stream_owner} /> },
                { name: 'Streams', cell: (row) => <Hash hex={row.streams} /> },
                { name: 'Ends in epoch', cell: (row) => <End of={row} />, numeric: true },
              ]}
            />
            <Pages places={after} next={next} onPlaces={setAfter} />
          </>
        )}
      </Show>
    </Section>
  );
}

function End({ of }: { of: VaultSummary }) {
  const { network } = useSurroundings();
  return <>{of.end_epoch <= network.epoch ? `${count(of.end_epoch)}, ended` : count(of.end_epoch)}</>;
}

export function VaultLink({ vault }: { vault: Hex }) {
  return (
    <a href={`#/sponsor/${vault.toLowerCase()}`}>
      <Hash hex={vault} />
    </a>
  );
}

function Lookup() {
  const [address, setAddress] = useState('');
  const [what, setWhat] = useState('owner');
  const [error, setError] = useState<string | null>(null);
  const look = (event: Event) => {
    event.preventDefault();
    const typed = address.trim().toLowerCase();
    if (!isAddress(typed)) return setError('An address is 0x and 40 hexadecimal digits.');
    location.hash = what === 'vault' ? `#/sponsor/${typed}` : `#/sponsor/${what}/${typed}`;
  };
  return (
    <Section title="Look up">
      <form onSubmit={look}>
        <Field
          label="What to look for"
          value={what}
          onValue={setWhat}
          choices={[
            ['owner', 'Vaults for an owner’s streams'],
            ['vault', 'A vault'],
            ['account', 'What an account sponsors'],
          ]}
        />
        <Field label="Address" value={address} onValue={(value) => (setError(null), setAddress(value))} error={error} />
        <button type="submit" class="quiet">
          Look
        </button>
      </form>
    </Section>
  );
}
