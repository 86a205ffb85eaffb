/** Draws one series with uPlot in the page's colours, again when these or the width change. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Point } from './chart';

const HEIGHT_PX = 200;

export function plot(element: HTMLElement, points: Point[], format: (value: number) => string, bars: boolean): () => void {
  const data: uPlot.AlignedData = [points.map((point) => point.epoch), points.map((point) => point.value)];
  let chart: uPlot | null = null;
  const draw = () => {
    chart?.destroy();
    chart = new uPlot(options(element, format, bars), data, element);
  };
  const wide = new ResizeObserver(() => {
    if (chart && element.clientWidth !== chart.width) chart.setSize({ width: element.clientWidth, height: HEIGHT_PX });
  });
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  draw();
  wide.observe(element);
  scheme.addEventListener('change', draw);
  return () => {
    wide.disconnect();
    scheme.removeEventListener('change', draw);
    chart?.destroy();
  };
}

function options(element: HTMLElement, format: (value: number) => string, bars: boolean): uPlot.Options {
  const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (_, min, max) => [min - 0.6, max + 0.6] },
      y: { range: (_, min, max) => span(min, max, bars) },
    },
    axes: [
      {
        ...axis,
        size: 28,
        grid: { show: false },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000],
        values: (_, all) => all.map((v) => `${v}`),
      },
      { ...axis, size: 68, values: (_, all) => all.map(format) },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        width: 2,
        fill: bars ? colour('--accent') : colour('--wash'),
        points: { show: !bars && element.clientWidth > 300, size: 5, fill: colour('--accent') },
        ...(bars ? { paths: uPlot.paths.bars!({ size: [0.7, 40] }) } : {}),
      },
    ],
  };
}

/** Bars stand on zero; a line needs some room around it, even if it is flat. */
function span(min: number, max: number, bars: boolean): [number, number] {
  if (bars) return [0, max > 0 ? max * 1.1 : 1];
  const room = (max - min || max || 1) * 0.15;
  return [Math.max(0, min - room), max + room];
}
