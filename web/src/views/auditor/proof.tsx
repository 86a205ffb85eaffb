/** An operator's proof, verified in this browser; whoever changes it is told where it is wrong. */
import { useEffect, useId, useState } from 'preact/hooks';
import { count } from '../../amounts';
import { useLoad } from '../../live';
import type { Epoch, Hex } from '../../api/types';
import { Heading, Section, Show } from '../../parts/section';
import { verify, type Answer } from '../../verifier/verifier';
import { Verdict } from './verdict';

export function ProofView({ epoch, id }: { epoch: number; id: number }) {
  const proof = useLoad<Record<string, unknown>>(`/v1/epochs/${epoch}/operators/${id}`);
  const summary = useLoad<Epoch>(`/v1/epochs/${epoch}`);
  return (
    <>
      <Heading
        title={`Proof of operator ${id} in epoch ${epoch}`}
        lead={
          <>
            <a href={`#/auditor/${epoch}`}>Epoch {count(epoch)}</a> ·{' '}
            <a href={`#/auditor/${epoch}/payout/${id}`}>How the payout comes about</a>
          </>
        }
      >
        Proof of operator {id} in epoch {count(epoch)}
      </Heading>
      <Show loaded={proof}>
        {(served) => <Bench served={JSON.stringify(served, null, 2)} root={summary.data?.root ?? null} />}
      </Show>
    </>
  );
}

function Bench({ served, root }: { served: string; root: Hex | null }) {
  const [text, setText] = useState(served);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const id = useId();
  // What is served may be read again meanwhile; what the user changed stays.
  useEffect(() => {
    let gone = false;
    verify({ proof: text, root, reference: served }).then(
      (answer) => !gone && (setAnswer(answer), setFailure(null)),
      (error: Error) => !gone && setFailure(error.message),
    );
    return () => {
      gone = true;
    };
  }, [text, root, served]);
  return (
    <>
      <Section title="Verdict">
        {failure ? (
          <p class="notice bad" role="status">
            It could not be verified: {failure}.
          </p>
        ) : (
          <Verdict answer={answer} root={root} />
        )}
      </Section>
      <Section title="The proof">
        <p class="hint" id={`${id}-hint`}>
          Change it, a digit is enough, and see what is said. Rust code verifies it here; nothing is sent.
        </p>
        <label for={id} class="unseen">
          The proof as JSON
        </label>
        <textarea
          id={id}
          class="hex"
          aria-describedby={`${id}-hint`}
          rows={18}
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div class="buttons">
          <button type="button" class="quiet" disabled={text === served} onClick={() => setText(served)}>
            As it was served
          </button>
        </div>
      </Section>
    </>
  );
}
