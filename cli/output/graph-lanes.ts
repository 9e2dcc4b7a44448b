// A picture as lanes from top to bottom, a line a box: for graphs that are too deep for a drawing from left to right.
//
// Owns: which lane leads where. A lane has one target; all that runs into it leads there. Does not own: signs and words.
//
// L1  a box stands below all that leads to it; of what could stand next, that of the leftmost lane does, so that what belongs together stays so.
// L2  a line that crosses a lane is led behind it, one that joins it touches it.
// L3  null when there would be more lanes than the screen has room for.

import { layersOf } from '../../kernel/picture/layers.ts';
import type { EdgeLook, Look, Picture, PictureNode } from '../../kernel/picture/picture.ts';
import { signOf } from '../../kernel/picture/words.ts';
import type { Paint } from './colors.ts';
import { DOWN, FLAT, JOINTS, LEFT, RIGHT, STEEP, UP } from './graph-lines.ts';
import { fit } from './text.ts';

export interface LanesOptions {
  readonly columns: number;
  readonly paintOf: (look: Look) => Paint;
  /** What stands beside the sign of a box. */
  readonly textOf: (node: PictureNode) => string;
}

/** Columns that stay for the text. */
const TEXT_COLUMNS = 24;

interface Lane {
  readonly target: string;
  look: EdgeLook;
}

interface Way {
  readonly to: string;
  readonly look: EdgeLook;
}

export function lanesDrawing(picture: Picture, { columns, paintOf, textOf }: LanesOptions): string[] | null {
  const { back } = layersOf(picture);
  const ways = new Map<string, Way[]>(picture.nodes.map(({ id }) => [id, []]));
  const open = new Map<string, number>(picture.nodes.map(({ id }) => [id, 0]));
  for (const edge of picture.edges) {
    if (back.has(edge)) continue;
    ways.get(edge.from)?.push({ to: edge.to, look: edge.look });
    open.set(edge.to, (open.get(edge.to) ?? 0) + 1);
  }
  const byId = new Map(picture.nodes.map((node) => [node.id, node]));
  const roots = picture.nodes.flatMap(({ id }) => (open.get(id) === 0 ? [id] : [])).values();
  const lanes = new Lanes();
  const dim = paintOf('possible');
  const lines: string[] = [];
  for (;;) {
    const led = lanes.firstWhere((target) => open.get(target) === 0);
    const node = byId.get(led ?? roots.next().value ?? '');
    if (node === undefined) return lines;
    // What stands right below a box follows it; a root follows nothing.
    if (led === undefined && lines.length > 0) lines.push(dim(lanes.straight()));
    const column = lanes.enter(node.id);
    const [left, right] = lanes.around(column);
    const paint = paintOf(node.look);
    const text = fit(textOf(node), columns - 2 * lanes.width - 1);
    lines.push(`${dim(left)}${paint(signOf(node).sign)}${dim(right)} ${paint(text)}`);
    const connector = lanes.leave(column, ways.get(node.id) ?? []);
    if (connector !== null) lines.push(dim(connector));
    for (const { to } of ways.get(node.id) ?? []) open.set(to, (open.get(to) ?? 0) - 1);
    if (2 * lanes.width + TEXT_COLUMNS > columns) return null;
  }
}

class Lanes {
  readonly #lanes: (Lane | null)[] = [];
  readonly #byTarget = new Map<string, number>();

  get width(): number {
    return this.#lanes.length;
  }

  firstWhere(isReady: (target: string) => boolean): string | undefined {
    return this.#lanes.find((lane) => lane !== null && isReady(lane.target))?.target;
  }

  /** The column of a box: that of the lane that leads to it, else a free one. */
  enter(id: string): number {
    const column = this.#byTarget.get(id) ?? this.#free(0);
    this.#byTarget.delete(id);
    this.#lanes[column] = { target: id, look: 'made' };
    return column;
  }

  /** A line without a box. */
  straight(): string {
    return this.around(this.#lanes.length)[0].trimEnd();
  }

  /** What stands left and right of the box in its line. */
  around(column: number): [string, string] {
    const cell = (lane: Lane | null): string => (lane === null ? ' ' : STEEP[lane.look]);
    const left = this.#lanes.slice(0, column).map((lane) => `${cell(lane)} `);
    const right = this.#lanes.slice(column + 1).map((lane) => ` ${cell(lane)}`);
    return [left.join(''), right.join('').trimEnd()];
  }

  /** Leads the ways of a box on; the line that does, when they do not just go straight down. */
  leave(column: number, ways: readonly Way[]): string | null {
    this.#lanes[column] = null;
    const reached = new Map<number, EdgeLook>();
    const opened = new Set<number>();
    for (const { to, look } of ways) {
      const known = this.#byTarget.get(to);
      const at = known ?? (this.#lanes[column] === null ? column : this.#free(column));
      if (known === undefined) {
        this.#lanes[at] = { target: to, look };
        this.#byTarget.set(to, at);
        opened.add(at);
      }
      reached.set(at, look);
    }
    const line =
      reached.size === 0 || (reached.size === 1 && reached.has(column))
        ? null
        : this.#connector(column, reached, opened);
    while (this.#lanes.length > 0 && this.#lanes.at(-1) === null) this.#lanes.pop();
    return line;
  }

  /** From the box above to every lane that its ways run into or open. */
  #connector(column: number, reached: ReadonlyMap<number, EdgeLook>, opened: ReadonlySet<number>): string {
    const first = Math.min(column, ...reached.keys());
    const last = Math.max(column, ...reached.keys());
    const look = [...reached].find(([at]) => at !== column)?.[1] ?? 'made';
    const cells = this.#lanes.map((lane, at) => {
      const isReached = reached.has(at);
      const isInside = at > first && at < last;
      if (at !== column && !isReached) return lane === null ? (isInside ? FLAT[look] : ' ') : STEEP[lane.look];
      const up = at === column || !opened.has(at) ? UP : 0;
      const down = isReached ? DOWN : 0;
      return JOINTS[up | down | (at > first ? LEFT : 0) | (at < last ? RIGHT : 0)] ?? '│';
    });
    return cells
      .map((cell, at) => cell + (at >= first && at < last ? FLAT[look] : ' '))
      .join('')
      .trimEnd();
  }

  /** A free lane from `start` on. */
  #free(start: number): number {
    const found = this.#lanes.findIndex((lane, at) => lane === null && at >= start);
    return found === -1 ? this.#lanes.push(null) - 1 : found;
  }
}
