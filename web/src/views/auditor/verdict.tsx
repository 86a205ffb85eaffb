/** What the verifier says of a proof, and the way from the entry to the root. */
import type { Hex } from '../../api/types';
import { Hash, Nano } from '../../parts/figures';
import { Table } from '../../parts/section';
import type { Answer, Difference, Trace } from '../../verifier/verifier';
import { sentence } from '../../words';

export function Verdict({ answer, root }: { answer: Answer | null; root: Hex | null }) {
  return (
    <>
      <div role="status" aria-live="polite" data-verdict={answer?.verdict ?? 'none'}>
        {answer && <Words answer={answer} root={root} />}
      </div>
      {answer && answer.verdict !== 'unreadable' && <Way trace={answer.trace} differences={answer.differences} />}
    </>
  );
}

function Words({ answer, root }: { answer: Answer; root: Hex | null }) {
  switch (answer.verdict) {
    case 'unreadable':
      return (
        <p class="notice bad">
          <strong>This is no proof.</strong> {sentence(answer.detail)}
        </p>
      );
    case 'wrong':
      return (
        <div class="notice bad">
          <p>
            <strong>The proof is wrong.</strong> {sentence(answer.detail)}
          </p>
          <Places differences={answer.differences} />
        </div>
      );
    case 'holds':
      return (
        <div class={answer.differences.length > 0 ? 'notice warn' : 'notice good'}>
          <p>
            <strong>The proof holds.</strong>{' '}
            {root
              ? 'It leads to the root that this server names for the epoch. The distributor’s own word on chain is finalizedRoot, that of the newest final epoch.'
              : 'It leads to its own root; the epoch’s is not known here.'}
          </p>
          {answer.differences.length > 0 && <p>But these were changed, and no root binds them:</p>}
          <Places differences={answer.differences} />
        </div>
      );
  }
}

function Places({ differences }: { differences: Difference[] }) {
  if (differences.length === 0) return null;
  return (
    <ul class="places">
      {differences.map((difference) => (
        <li>{place(difference)}</li>
      ))}
    </ul>
  );
}

function place(difference: Difference): string {
  switch (difference.place) {
    case 'field':
      return `“${difference.name}” is not what was served.`;
    case 'level':
      return `The word of level ${difference.level} is not what was served.`;
    case 'length':
      return `There are ${difference.got} words where ${difference.expected} were served.`;
  }
}

function Way({ trace, differences }: { trace: Trace; differences: Difference[] }) {
  const wrong = new Set(differences.map((difference) => (difference.place === 'level' ? difference.level : 0)));
  const rows = [{ level: 0, side: '', beside: null, word: trace.leaf, sum_nano: null as string | null }, ...trace.levels];
  return (
    <>
      <h3>From the entry to the root</h3>
      <Table
        caption="The way from the entry to the root"
        rows={rows}
        empty=""
        columns={[
          { name: 'Level', cell: (row) => (row.level === 0 ? 'Entry' : row.level) },
          {
            name: 'As served',
            cell: (row) =>
              wrong.has(row.level) && row.level > 0 ? <span class="state bad">changed</span> : row.level > 0 ? 'yes' : '–',
          },
          {
            name: 'Beside',
            cell: (row) =>
              row.beside ? (
                <>
                  {row.side} <Hash hex={row.beside} />
                </>
              ) : (
                '–'
              ),
          },
          { name: 'Joined', cell: (row) => <Hash hex={row.word} /> },
          { name: 'Sum, DATA', cell: (row) => (row.sum_nano ? <Nano nano={row.sum_nano} unit={false} /> : '–'), numeric: true },
        ]}
      />
      <p>Leads to {trace.leads_to ? <Hash hex={trace.leads_to} whole /> : 'nothing: the sums or the depth stop it'}</p>
    </>
  );
}
