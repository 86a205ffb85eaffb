/** A chart, and the same numbers as a table. The chart's code is loaded when one is shown. */
import { useEffect, useRef } from 'preact/hooks';
import { Table, type Column } from './section';

export interface Point {
  epoch: number;
  value: number;
}

interface ChartProps<Row> {
  title: string;
  points: Point[];
  /** What a value is called on the axis. */
  format: (value: number) => string;
  columns: Column<Row>[];
  rows: Row[];
  bars?: boolean;
}

export function Chart<Row>({ title, points, format, columns, rows, bars = false }: ChartProps<Row>) {
  const place = useRef<HTMLDivElement>(null);
  const shape = JSON.stringify(points);
  useEffect(() => {
    const element = place.current;
    if (!element || points.length < 2) return undefined;
    let [gone, stop] = [false, () => {}];
    import('./plot').then(({ plot }) => {
      if (!gone) stop = plot(element, points, format, bars);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [shape, bars]);
  return (
    <figure class="chart">
      {points.length < 2 ? (
        <p class="empty">A chart appears with the second epoch.</p>
      ) : (
        <div class="plot" ref={place} aria-hidden="true" />
      )}
      <figcaption class="unseen">{title}</figcaption>
      <details>
        <summary>{title} as a table</summary>
        <Table caption={title} columns={columns} rows={rows} empty="No epochs yet." />
      </details>
    </figure>
  );
}
