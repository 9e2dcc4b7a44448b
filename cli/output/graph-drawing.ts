// A picture as a drawing of lines and signs, from left to right.
//
// Owns: where boxes stand and how lines run. Does not own: signs and words (kernel/picture/words.ts), what is drawn.
//
// W1  lines of different nets cross but never touch: a line that passes behind another is broken. Nets that lead to the same box meet
//     in front of it.
// W2  null where it does not fit: too wide for the screen, too many rows, lines that cannot be led apart or that cross too often.

import { layersOf } from '../../kernel/picture/layers.ts';
import type { EdgeLook, Look, Picture, PictureEdge, PictureNode } from '../../kernel/picture/picture.ts';
import { isAlternative, nameOf, noteOf, signOf } from '../../kernel/picture/words.ts';
import type { Paint } from './colors.ts';
import { DOWN, FLAT, HEADS, JOINTS, LEFT, RIGHT, STEEP, UP } from './graph-lines.ts';
import { clean, displayWidth, fit } from './text.ts';

export interface DrawingOptions {
  readonly columns: number;
  readonly paintOf: (look: Look) => Paint;
}

const ROW_LIMIT = 60;
const LABEL_LIMIT = 32;
const SWEEPS = 8;
/** Where more lines than that pass behind others, lanes are easier to follow. */
const CROSSINGS = 1;

/** A box, or a place where a long line passes a layer. */
interface Spot {
  readonly key: string;
  readonly layer: number;
  readonly text: string;
  readonly look: Look | null;
  readonly before: Spot[];
  readonly after: Spot[];
  row: number;
}

/** One line from sources to targets: each source leads to each target. */
interface Net {
  readonly look: EdgeLook;
  readonly from: Set<Spot>;
  readonly to: Set<Spot>;
  track: number;
}

interface Link {
  readonly from: Spot;
  readonly to: Spot;
  readonly look: EdgeLook;
}

export function drawing(picture: Picture, options: DrawingOptions): string[] | null {
  const { layers, links } = spotsOf(picture);
  if (layers.length === 0 || layers.some((layer) => layer.length > ROW_LIMIT)) return null;
  order(layers);
  place(layers);
  const rows = 1 + Math.max(...layers.flat().map(({ row }) => row));
  const gutters = layers.slice(1).map((_, index) => netsOf(links.filter(({ from }) => from.layer === index)));
  if (rows > ROW_LIMIT || !gutters.every(assignTracks)) return null;
  if (gutters.reduce((sum, nets) => sum + crossings(nets), 0) > CROSSINGS) return null;
  const widths = layers.map((layer) => 1 + Math.max(...layer.map(({ text }) => displayWidth(text))));
  const gaps = gutters.map((nets) => 3 + tracksOf(nets));
  const total = [...widths, ...gaps].reduce((sum, width) => sum + width, 0);
  if (total > options.columns) return null;
  return paintRows({ layers, gutters, widths, gaps, rows }, options);
}

/** The name of a box and what it says of itself. */
export function textOf(node: PictureNode): string {
  const note = [noteOf(node), isAlternative(node) ? 'one of several' : ''].filter((part) => part !== '').join(', ');
  return `${fit(clean(nameOf(node)), LABEL_LIMIT)}${note === '' ? '' : ` (${note})`}`;
}

// --- boxes ---------------------------------------------------------------------------------------

function spotsOf(picture: Picture): { layers: Spot[][]; links: Link[] } {
  const { layerOf, rows, back } = layersOf(picture);
  const byId = new Map<string, Spot>();
  const layers: Spot[][] = rows.map(() => []);
  const stand = (key: string, layer: number, text: string, look: Look | null): Spot => {
    const spot: Spot = { key, layer, text, look, before: [], after: [], row: 0 };
    layers[layer]?.push(spot);
    return spot;
  };
  for (const node of picture.nodes) {
    const text = `${signOf(node).sign} ${textOf(node)}`;
    byId.set(node.id, stand(node.id, layerOf.get(node.id) ?? 0, text, node.look));
  }
  const links: Link[] = [];
  const link = (from: Spot, to: Spot, look: EdgeLook): void => {
    from.after.push(to);
    to.before.push(from);
    links.push({ from, to, look });
  };
  // Long lines of one source share their way as long as they can.
  const ways = new Map<string, Spot>();
  const lead = (edge: PictureEdge, source: Spot, target: Spot): void => {
    let at = source;
    for (let layer = source.layer + 1; layer < target.layer; layer += 1) {
      const key = `${edge.from}\n${edge.look}\n${layer}`;
      const known = ways.get(key);
      const next = known ?? stand(key, layer, '', null);
      if (known === undefined) {
        ways.set(key, next);
        link(at, next, edge.look);
      }
      at = next;
    }
    link(at, target, edge.look);
  };
  for (const edge of picture.edges) {
    const [source, target] = [byId.get(edge.from), byId.get(edge.to)];
    if (source !== undefined && target !== undefined && !back.has(edge)) lead(edge, source, target);
  }
  return { layers, links };
}

/** Sorts each layer by the middle of its neighbours, forth and back, so that few lines cross. */
function order(layers: Spot[][]): void {
  const index = (layer: readonly Spot[]): void => layer.forEach((spot, position) => (spot.row = position));
  for (const layer of layers) index(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForth = sweep % 2 === 0;
    for (const layer of isForth ? layers : layers.toReversed()) {
      const middles = new Map(layer.map((spot) => [spot, middleOf(isForth ? spot.before : spot.after) ?? spot.row]));
      layer.sort((left, right) => (middles.get(left) ?? 0) - (middles.get(right) ?? 0));
      index(layer);
    }
  }
}

function middleOf(spots: readonly Spot[]): number | null {
  if (spots.length === 0) return null;
  return spots.reduce((sum, { row }) => sum + row, 0) / spots.length;
}

/** Gives each box its row: near its neighbours, in the order of its layer. */
function place(layers: readonly Spot[][]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForth = sweep % 2 === 0;
    for (const layer of isForth ? layers : layers.toReversed()) {
      const wanted = layer.map((spot) => middleOf(isForth ? spot.before : spot.after) ?? spot.row);
      // Where several want the same row they spread around it.
      const rows = spread(wanted);
      layer.forEach((spot, position) => (spot.row = rows[position] ?? 0));
    }
  }
  const top = Math.min(...layers.flat().map(({ row }) => row));
  for (const spot of layers.flat()) spot.row -= top;
}

/** Whole numbers in rising order, each one apart at least, near the wanted ones: blocks that push one another share their middle. */
function spread(wanted: readonly number[]): number[] {
  const blocks: { sum: number; count: number }[] = [];
  wanted.forEach((want, position) => {
    let block = { sum: want - position, count: 1 };
    for (
      let last = blocks.at(-1);
      last !== undefined && last.sum / last.count > block.sum / block.count;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  });
  let position = 0;
  let least = Number.NEGATIVE_INFINITY;
  return blocks.flatMap(({ sum, count }) => {
    const rows = Array.from({ length: count }, () => {
      const row = Math.max(Math.floor(sum / count + 0.5) + position, least);
      least = row + 1;
      position += 1;
      return row;
    });
    return rows;
  });
}

// --- lines ---------------------------------------------------------------------------------------

/** Sources with the same targets share a line. */
function netsOf(links: readonly Link[]): Net[] {
  const bySource = new Map<string, Net>();
  for (const { from, to, look } of links) {
    const key = `${from.row}\n${look}`;
    const net = bySource.get(key) ?? { look, from: new Set([from]), to: new Set<Spot>(), track: 0 };
    bySource.set(key, net);
    net.to.add(to);
  }
  const byTargets = new Map<string, Net>();
  for (const net of bySource.values()) {
    const key = `${[...net.to]
      .map(({ row }) => row)
      .sort((left, right) => left - right)
      .join()}\n${net.look}`;
    const known = byTargets.get(key);
    if (known === undefined) byTargets.set(key, net);
    else for (const spot of net.from) known.from.add(spot);
  }
  return [...byTargets.values()];
}

function span({ from, to }: Net): [top: number, bottom: number] {
  const rows = [...from, ...to].map(({ row }) => row);
  return [Math.min(...rows), Math.max(...rows)];
}

function isStraight(net: Net): boolean {
  const [top, bottom] = span(net);
  return top === bottom;
}

/** Lines that are led behind others. */
function crossings(nets: readonly Net[]): number {
  let count = 0;
  for (const steep of nets.filter((net) => !isStraight(net))) {
    const [top, bottom] = span(steep);
    const own = new Set([...steep.from, ...steep.to].map(({ row }) => row));
    for (const flat of nets) {
      if (flat === steep) continue;
      const rows = [
        ...(isStraight(flat) || flat.track > steep.track ? flat.from : []),
        ...(!isStraight(flat) && flat.track < steep.track ? flat.to : []),
      ].map(({ row }) => row);
      count += rows.filter((row) => row > top && row < bottom && !own.has(row)).length;
    }
  }
  return count;
}

function tracksOf(nets: readonly Net[]): number {
  return Math.max(0, ...nets.map((net) => (isStraight(net) ? 0 : net.track + 1)));
}

/**
 * Gives each net a column of its own where they would touch. A line that leaves on a row turns before one that arrives on it does.
 * False when that cannot be.
 */
function assignTracks(nets: readonly Net[]): boolean {
  const bent = nets.filter((net) => !isStraight(net));
  const rowsOf = (spots: ReadonlySet<Spot>): Set<number> => new Set(Array.from(spots, ({ row }) => row));
  const isBefore = (left: Net, right: Net): boolean => {
    const arrivals = rowsOf(right.to);
    return left !== right && [...rowsOf(left.from)].some((row) => arrivals.has(row));
  };
  // A straight line has no place to turn away from what arrives or leaves on its row.
  const done: Net[] = [];
  const open = new Set(bent);
  while (open.size > 0) {
    const next = [...open].find((net) => ![...open].some((other) => isBefore(other, net)));
    if (next === undefined) return false;
    open.delete(next);
    const [top, bottom] = span(next);
    for (const other of done) {
      const [otherTop, otherBottom] = span(other);
      const doTouch = top <= otherBottom && otherTop <= bottom;
      if ((doTouch || isBefore(other, next)) && next.track <= other.track) next.track = other.track + 1;
    }
    done.push(next);
  }
  return true;
}

// --- signs ---------------------------------------------------------------------------------------

interface Laid {
  readonly layers: readonly Spot[][];
  readonly gutters: readonly Net[][];
  readonly widths: readonly number[];
  readonly gaps: readonly number[];
  readonly rows: number;
}

function paintRows({ layers, gutters, widths, gaps, rows }: Laid, { paintOf }: DrawingOptions): string[] {
  const dim = paintOf('possible');
  const lines = Array.from({ length: rows }, () => '');
  layers.forEach((layer, index) => {
    const byRow = new Map(layer.map((spot) => [spot.row, spot]));
    const width = widths[index] ?? 0;
    const nets = gutters[index];
    const passing = gutters[index - 1] ?? [];
    const gutter = nets === undefined ? null : gutterRows(nets, gaps[index] ?? 0, rows);
    for (let row = 0; row < rows; row += 1) {
      const spot = byRow.get(row);
      const leaving = nets?.find((net) => [...net.from].some((from) => from.row === row));
      const rest = width - displayWidth(spot?.text ?? '');
      const line = ` ${(leaving === undefined ? ' ' : FLAT[leaving.look]).repeat(rest - 1)}`;
      const through = spot?.look === null ? (passing.find((net) => net.to.has(spot))?.look ?? 'made') : 'made';
      const body =
        spot === undefined
          ? ' '.repeat(width)
          : spot.look === null
            ? dim(FLAT[through].repeat(width))
            : paintOf(spot.look)(spot.text) + dim(line);
      lines[row] = `${lines[row] ?? ''}${body}${dim(gutter?.[row] ?? '')}`;
    }
  });
  return lines.map((line) => line.trimEnd());
}

/** The lines between two layers, row by row. */
function gutterRows(nets: readonly Net[], gap: number, rows: number): string[] {
  const cells: Map<Net, number>[][] = Array.from({ length: rows }, () =>
    Array.from({ length: gap }, () => new Map<Net, number>()),
  );
  const mark = (row: number, column: number, net: Net, way: number): void => {
    const cell = cells[row]?.[column];
    cell?.set(net, (cell.get(net) ?? 0) | way);
  };
  const flat = (row: number, start: number, end: number, net: Net): void => {
    for (let column = start; column <= end; column += 1) {
      if (column > start) mark(row, column, net, LEFT);
      if (column < end) mark(row, column, net, RIGHT);
    }
  };
  const head = gap - 2;
  for (const net of nets) {
    const turn = 1 + net.track;
    const [top, bottom] = span(net);
    for (const { row } of net.from) flat(row, 0, top === bottom ? head : turn, net);
    for (const { row } of net.to) flat(row, top === bottom ? 0 : turn, head, net);
    for (let row = top; row < bottom; row += 1) {
      mark(row, turn, net, DOWN);
      mark(row + 1, turn, net, UP);
    }
  }
  const heads = new Map<number, string>();
  for (const net of nets) {
    for (const spot of net.to) {
      // A long line goes on: it has no head before its box.
      const sign = spot.look === null ? FLAT[net.look] : HEADS[net.look];
      if (heads.get(spot.row) !== '▶') heads.set(spot.row, sign);
    }
  }
  const passes = new Set(
    nets.flatMap(({ to }) => Array.from(to).flatMap(({ row, look }) => (look === null ? [row] : []))),
  );
  return cells.map((row, at) => {
    const signs = row.map(signAt);
    const end = heads.get(at);
    if (end !== undefined) {
      signs[head] = end;
      signs[head + 1] = passes.has(at) ? end : ' ';
    }
    return signs.join('');
  });
}

function signAt(cell: ReadonlyMap<Net, number>): string {
  if (cell.size === 0) return ' ';
  const nets = [...cell];
  const steep = nets.find(([, ways]) => (ways & (UP | DOWN)) !== 0);
  // A line that only crosses is led behind the one that stands.
  const isCrossing = steep !== undefined && (steep[1] & (LEFT | RIGHT)) === 0;
  const [net, own] = steep ?? nets[0] ?? [];
  if (net === undefined || own === undefined) return ' ';
  const ways = isCrossing ? own : nets.reduce((all, [, each]) => all | each, 0);
  if ((ways & (LEFT | RIGHT)) === 0) return STEEP[net.look];
  return JOINTS[ways] ?? FLAT[net.look];
}
