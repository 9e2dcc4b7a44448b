// The picture of a run as text: drawn from left to right where it fits on the screen, else as lanes from top to bottom, else as a list.
//
// Does not own: the drawings (graph-drawing.ts, graph-lanes.ts), what is shown (kernel/picture/). Ids and labels pass `clean` (text.ts, T1).

import { layersOf } from '../../kernel/picture/layers.ts';
import type { Look, Picture, PictureNode } from '../../kernel/picture/picture.ts';
import { isAlternative, legendOf, nameOf, noteOf, signOf } from '../../kernel/picture/words.ts';
import type { Colors, Paint } from './colors.ts';
import { drawing, textOf } from './graph-drawing.ts';
import { lanesDrawing } from './graph-lanes.ts';
import { clean, displayWidth, fit, padEnd } from './text.ts';

export interface GraphScreen {
  readonly colors: Colors;
  readonly columns: number;
}

const LONGEST_NAME = 40;
const SHOWN_PREDECESSORS = 4;

export function graphLines(picture: Picture, { colors, columns }: GraphScreen): string[] {
  const paintOf = (look: Look): Paint => lookPaint(colors, look);
  const drawn = drawing(picture, { columns, paintOf }) ?? lanesDrawing(picture, { columns, paintOf, textOf });
  if (drawn === null) return listed(picture, colors, columns);
  return [...drawn, ...loops(picture), '', legend(picture, colors)];
}

function lookPaint(colors: Colors, look: Look): Paint {
  switch (look) {
    case 'done':
      return colors.green;
    case 'failed':
      return colors.red;
    case 'running':
      return colors.cyan;
    case 'waiting':
    case 'cancelled':
      return colors.yellow;
    case 'certain':
      return (text) => text;
    default:
      return colors.dim;
  }
}

function legend(picture: Picture, colors: Colors): string {
  return legendOf(picture)
    .map(({ look, sign, means }) => `${lookPaint(colors, look)(sign)} ${colors.dim(means)}`)
    .join('  ');
}

function loops(picture: Picture): string[] {
  const labels = new Map(picture.nodes.map((node) => [node.id, clean(nameOf(node))]));
  const { back } = layersOf(picture);
  return Array.from(back, ({ from, to }) => {
    const where = from === to ? 'itself' : (labels.get(to) ?? to);
    return `↺ ${labels.get(from) ?? from} may lead back to ${where}`;
  });
}

/** Layer by layer: a layer holds what may start once the layers above it are done. */
function listed(picture: Picture, colors: Colors, columns: number): string[] {
  const { rows, back } = layersOf(picture);
  const byId = new Map(picture.nodes.map((node) => [node.id, node]));
  const before = new Map<string, string[]>();
  for (const edge of picture.edges) {
    const told = `${back.has(edge) ? '↺ ' : ''}${clean(nameOf(byId.get(edge.from) ?? placeholder(edge.from)))}`;
    const known = before.get(edge.to);
    if (known === undefined) before.set(edge.to, [told]);
    else known.push(told);
  }
  const numberWidth = String(rows.length).length;
  const names = new Map(picture.nodes.map((node) => [node.id, fit(clean(nameOf(node)), LONGEST_NAME)]));
  const nameWidth = widest(names.values());
  const words = new Map(picture.nodes.map((node) => [node.id, wordsFor(node, before.get(node.id) ?? [])]));
  const wordWidth = Math.min(LONGEST_NAME, widest(words.values()));
  return rows.flatMap((ids, layer) =>
    ids.map((id, position) => {
      const node = byId.get(id) ?? placeholder(id);
      const number = (position === 0 ? String(layer + 1) : '').padStart(numberWidth);
      const paint = lookPaint(colors, node.look);
      const name = padEnd(names.get(id) ?? '', nameWidth);
      const word = padEnd(words.get(id) ?? '', wordWidth);
      const used = numberWidth + 2 + 2 + nameWidth + 2 + displayWidth(word) + 2;
      const after = colors.dim(fit(afterText(before.get(id) ?? []), Math.max(12, columns - used)));
      return `${number}  ${paint(`${signOf(node).sign} ${name}  ${word}`)}  ${after}`.trimEnd();
    }),
  );
}

function widest(texts: Iterable<string>): number {
  let width = 1;
  for (const text of texts) width = Math.max(width, displayWidth(text));
  return width;
}

function wordsFor(node: PictureNode, before: readonly string[]): string {
  const { means } = signOf(node);
  const alternative = isAlternative(node) ? 'one of several' : '';
  // What only follows its creator says so already.
  const isPlain = node.createdBy === null || (before.length === 1 && before[0] === clean(node.createdBy));
  const creator = isPlain ? '' : `added by ${clean(node.createdBy ?? '')}`;
  return [means, noteOf(node), alternative, creator].filter((part) => part !== '').join(', ');
}

function afterText(ids: readonly string[]): string {
  if (ids.length === 0) return '';
  const more = ids.length > SHOWN_PREDECESSORS ? ` and ${ids.length - SHOWN_PREDECESSORS} more` : '';
  return `after ${ids.slice(0, SHOWN_PREDECESSORS).join(', ')}${more}`;
}

function placeholder(id: string): PictureNode {
  return { id, task: null, state: null, ghost: null, look: 'possible', label: id, createdBy: null };
}
