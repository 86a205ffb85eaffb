/** What views are made of: headings, sections, tables, and what stands there while there is nothing to show. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Problem } from '../api/client';
import { FIRST_VIEWS, type FirstName } from '../first_views';
import type { Loaded } from '../live';
import { sentence } from '../words';

/** A view's heading. Whoever comes here by a link starts reading at it. */
export function Heading({ children, title, lead }: { children: ComponentChildren; title: string; lead?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tatum`;
    if (moved) heading.current?.focus({ preventScroll: true });
    moved = true;
    scrollTo(0, 0);
  }, [title]);
  return (
    <div class="heading">
      <h1 ref={heading} tabIndex={-1}>
        {children}
      </h1>
      {lead && <p class="lead">{lead}</p>}
    </div>
  );
}

/** Whether this is no longer the first view: that one leaves the focus where the browser starts. */
let moved = false;

/** The heading of a view that one comes to first. */
export function FirstHeading({ view }: { view: FirstName }) {
  const { title, heading, lead } = FIRST_VIEWS[view];
  return (
    <Heading title={title} lead={lead}>
      {heading}
    </Heading>
  );
}

export function Section({ title, children, foot }: { title: string; children: ComponentChildren; foot?: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
      {foot}
    </section>
  );
}

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
}

interface TableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  empty: string;
}

/** A table that scrolls by itself where the screen is narrow. */
export function Table<Row>({ caption, columns, rows, empty }: TableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={column.numeric ? 'right' : undefined}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((column) => (
                <td class={column.numeric ? 'right' : undefined}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function ProblemNote({ problem }: { problem: Problem }) {
  return (
    <p class="notice bad" role="status">
      <strong>{problem.title}.</strong> {sentence(problem.message)}
    </p>
  );
}

/**
 * What was loaded; before that, that it is being loaded, or why it was not. Old figures stay beneath a problem. What stands below something that
 * is loaded for the first time appears with it, so that nothing moves; a page that is turned over hides nothing.
 */
export function Show<T>({ loaded, children }: { loaded: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const { data, problem } = loaded;
  const isFirst = useRef(true);
  if (data !== null) isFirst.current = false;
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      {data !== null ? children(data) : !problem && <p class={isFirst.current ? 'empty loading' : 'empty'}>Loading…</p>}
    </>
  );
}
