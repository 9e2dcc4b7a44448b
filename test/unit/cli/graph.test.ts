// The picture of a run in a terminal: drawn where it fits, a list where it does not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colorsFor } from '../../../cli/output/colors.ts';
import { lanesDrawing } from '../../../cli/output/graph-lanes.ts';
import { graphLines } from '../../../cli/output/graph-text.ts';
import { displayWidth } from '../../../cli/output/text.ts';
import type { Futures } from '../../../kernel/ghost.ts';
import { layersOf } from '../../../kernel/picture/layers.ts';
import { pictureOf } from '../../../kernel/picture/picture.ts';
import { reduced } from '../../../kernel/picture/reduce.ts';
import { runOf } from '../../support/graph-text.ts';
import { ghost, ghostEdges, NO_FUTURES } from '../../support/pictures.ts';

const PLAIN = colorsFor(false, {});

function linesOf(text: string, columns = 80, futures: Futures = NO_FUTURES): string[] {
  return graphLines(reduced(pictureOf(runOf(text), futures)), { colors: PLAIN, columns });
}

describe('a drawing', () => {
  test('shows a diamond', () => {
    expect(linesOf('a -> b & c -> d')).toEqual(['     ┌▶ ○ b ─┬▶ ○ d', '○ a ─┴▶ ○ c ─┘', '', '○ will run']);
  });

  test('leads lines that cross behind one another', () => {
    expect(linesOf('a -> x, b -> y, a -> y, c -> x').slice(0, -2)).toEqual(['○ b ─┬─▶ ○ y', '○ a ─┴┬▶ ○ x', '○ c ──┘']);
  });

  test('shows what may come with other lines and signs than what is there', () => {
    const futures = {
      ghosts: [ghost('M', 'many', { atMost: null }), ghost('x', 'next', { isImpossible: true })],
      edges: [...ghostEdges('A -> M -> B'), ...ghostEdges('A -> x')],
    };
    expect(linesOf('A -> B', 80, futures)).toEqual([
      '     ┌┈▷ ◌ M* (any number) ┈┐',
      '○ A ─┴┬─────────────────────┴▶ ○ B',
      '      └▷ × x',
      '',
      '○ will run  ◌ may come  × cannot come any more',
    ]);
  });

  test('says where a loop leads back to', () => {
    const futures = {
      ghosts: [ghost('try', 'next', { atMost: null }), ghost('look', 'next', { atMost: null })],
      edges: ghostEdges('a -> try -> look -> try'),
    };
    expect(linesOf('a', 90, futures)).toContain('↺ look may lead back to try');
  });

  test('paints nothing without a terminal, and one paint a look with one', () => {
    expect(linesOf('a -> b').join('')).not.toContain('\u001b');
    const painted = graphLines(pictureOf(runOf('a -> b'), NO_FUTURES), { colors: colorsFor(true, {}), columns: 80 });
    expect(painted[0]).toContain('\u001b[');
  });
});

describe('lanes', () => {
  test('of 10,000 nodes in a chain are as many lines', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => `n${index}`).join(' -> ');
    expect(linesOf(chain)).toHaveLength(10_002);
    expect(layersOf(pictureOf(runOf(chain), NO_FUTURES)).rows).toHaveLength(10_000);
  });

  test('stand where the screen is too narrow for a drawing from left to right: what follows stands below', () => {
    expect(linesOf('a -> b -> c -> d -> e -> f, a -> f, c -> g', 30)).toEqual([
      '○ a',
      '○ b',
      '○ c',
      '├─┐',
      '○ │ d',
      '○ │ e',
      '○ │ f',
      '  ○ g',
      '',
      '○ will run',
    ]);
  });

  test('join where ways meet, and are led behind what they only cross', () => {
    expect(linesOf('a -> p -> q -> z, a -> r -> s -> y, a -> t -> z, r -> z, t -> u -> y', 38).slice(0, -2)).toEqual([
      '○ a',
      '├─┬─┐',
      '○ │ │ p',
      '○ │ │ q',
      '│ ○ │ r',
      '├─┤ │',
      '│ ○ │ s',
      '│ │ ○ t',
      '├─│─┤',
      '○ │ │ z',
      '  │ ○ u',
      '  ├─┘',
      '  ○ y',
    ]);
  });

  test('keep boxes apart that do not follow one another', () => {
    const chain = Array.from({ length: 12 }, (_, index) => `n${index}`).join(' -> ');
    expect(linesOf(`${chain}, alone`, 40).slice(10, 15)).toEqual(['○ n10', '○ n11', '', '○ alone', '']);
  });
});

/** Edges that somebody reads who follows the lanes: down, and sideways from the box above. */
function readLanes(lines: readonly string[]): string[] {
  const found: string[] = [];
  const leading = new Map<number, string[]>();
  let box = { name: '', column: 0 };
  const take = (column: number): void => void leading.set(column, [...(leading.get(column) ?? []), box.name]);
  lines.forEach((line, at) => {
    const column = line.indexOf('○');
    if (column !== -1) {
      box = { name: line.trim().split(' ').at(-1) ?? '', column };
      for (const from of leading.get(column) ?? []) found.push(`${from} -> ${box.name}`);
      leading.delete(column);
      if ('○│'.includes(lines[at + 1]?.[column] ?? '?')) take(column);
      return;
    }
    if (!line.includes('─')) return;
    for (const [step, ahead, behind] of [
      [1, '├┌└┬┴┼', '┤┐┘┬┴┼'],
      [-1, '┤┐┘┬┴┼', '├┌└┬┴┼'],
    ] as const) {
      let place = box.column;
      while (ahead.includes(line[place] ?? ' ') || (place !== box.column && '─│'.includes(line[place] ?? ' '))) {
        place += step;
        if (behind.includes(line[place] ?? ' ')) take(place);
      }
    }
    if ('├┤┬┼│'.includes(line[box.column] ?? ' ')) take(box.column);
  });
  return found.sort();
}

test('whoever follows the lanes reads the edges that there are, and no others', () => {
  const edges = fc.array(fc.tuple(fc.nat(13), fc.nat(13)), { minLength: 1, maxLength: 26 });
  fc.assert(
    fc.property(edges, (pairs) => {
      const clauses = pairs.map(([from, to]) => `n${Math.min(from, to)} -> n${Math.max(from, to)}`);
      const text = clauses.filter((clause) => new Set(clause.split(' -> ')).size === 2).join(', ') || 'n0';
      const picture = reduced(pictureOf(runOf(text), NO_FUTURES));
      const paintOf = () => (word: string) => word;
      const lines = lanesDrawing(picture, { columns: 200, paintOf, textOf: ({ label }) => label });
      expect(readLanes(lines ?? [])).toEqual(picture.edges.map(({ from, to }) => `${from} -> ${to}`).sort());
    }),
    { numRuns: 500 },
  );
});

describe('a list', () => {
  test('stands where the screen is too narrow for any drawing: a line a box, layer by layer', () => {
    expect(linesOf('a -> b & c -> d', 18)).toEqual([
      '1  ○ a  will run',
      '2  ○ b  will run  after a',
      '   ○ c  will run  after a',
      '3  ○ d  will run  after b, c',
    ]);
  });
});

test('no control character of an id reaches the screen', () => {
  expect(linesOf('a\u001b[2J -> b\nc').join('\n')).not.toMatch(/\u001b|\nc/);
});

test('whatever the graph, every node stands in it once, and no drawing is wider than the screen', () => {
  const edges = fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { minLength: 1, maxLength: 24 });
  fc.assert(
    fc.property(edges, fc.integer({ min: 30, max: 140 }), (pairs, columns) => {
      const text = pairs
        .map(([from, to]) => (from === to ? `n${from}.` : `n${Math.min(from, to)}. -> n${Math.max(from, to)}.`))
        .join(', ');
      const lines = linesOf(text, columns);
      const isDrawn = lines.at(-2) === '';
      for (const { id } of pictureOf(runOf(text), NO_FUTURES).nodes) {
        const shown = isDrawn
          ? lines.join('\n').split(id).length - 1
          : lines.filter((line) => line.includes(`○ ${id}`)).length;
        expect(shown).toBe(1);
      }
      if (isDrawn) for (const line of lines.slice(0, -2)) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      expect(linesOf(text, columns)).toEqual(lines);
    }),
    { numRuns: 300 },
  );
});
