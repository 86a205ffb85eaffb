/** Making a vault, and finding the one that there is for the same streams and end. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Vaults } from '../../api/sponsors';
import type { Action } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Section } from '../../parts/section';
import { VaultLink } from './sponsors';
import { MOST_EPOCHS, newVault } from './typed';

/** As many as an answer of the API has at most. */
const LISTED = 200;

export function CreateForm() {
  const { network } = useSurroundings();
  const [streams, setStreams] = useState('');
  const [owner, setOwner] = useState('');
  const [epochs, setEpochs] = useState('90');
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState<Action | null>(null);
  const change = (set: (value: string) => void) => (value: string) => (setError(null), set(value));
  const action = (): Action | null => {
    const made = newVault(streams, owner, epochs, network.epoch);
    setError(made.why);
    setAsked(made.action);
    return made.action;
  };
  return (
    <Section title="Make a vault">
      <p class="hint">
        Anybody may, for anybody’s streams. There is one for each owner, set of streams and end: look first whether there is one that
        you can join.
      </p>
      <Field
        label="Streams"
        lines={2}
        value={streams}
        onValue={change(setStreams)}
        error={error}
        hint="A line each: 0xOWNER/weather, or 0xOWNER/weather#1 for a partition. The order does not matter."
      />
      <Field
        label="Streams’ owner"
        value={owner}
        onValue={change(setOwner)}
        hint="Only where the names do not begin with it. The owner names the keys."
      />
      <Field
        label="Lasts"
        unit="epochs"
        mode="numeric"
        value={epochs}
        onValue={change(setEpochs)}
        hint={`Up to ${count(MOST_EPOCHS)}. This is epoch ${count(network.epoch)}; from its end on a vault takes nothing more.`}
      />
      <Act label="Make the vault" action={action} onDone={() => setStreams('')} />
      {asked && <Found asked={asked} />}
    </Section>
  );
}

/** The vault that was asked for, once the server knows of it; it may have been there before. */
function Found({ asked }: { asked: Action }) {
  const listed = useLoad<Vaults>(`/v1/sponsors?owner=${String(asked.stream_owner)}&limit=${LISTED}`);
  const found = listed.data?.vaults.find((one) => one.streams === asked.streams && one.end_epoch === asked.end_epoch);
  return (
    <p role="status">
      {found && (
        <>
          The vault for these streams until epoch {count(found.end_epoch)}: <VaultLink vault={found.vault} />
        </>
      )}
    </p>
  );
}
