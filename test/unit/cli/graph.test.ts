// The picture of a run in a terminal: drawn where it fits, a list where it does not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colorsFor } from '../../../cli/output/colors.ts';
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

describe('a list', () => {
  test('stands where the screen is too narrow for a drawing: a line a box, layer by layer', () => {
    expect(linesOf('a -> b & c -> d', 18)).toEqual([
      '1  ○ a  will run',
      '2  ○ b  will run  after a',
      '   ○ c  will run  after a',
      '3  ○ d  will run  after b, c',
    ]);
  });

  test('of 10,000 nodes in a chain has as many lines', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => `n${index}`).join(' -> ');
    expect(linesOf(chain)).toHaveLength(10_000);
    expect(layersOf(pictureOf(runOf(chain), NO_FUTURES)).rows).toHaveLength(10_000);
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
          ? lines.join('\n').split(`○ ${id}`).length - 1
          : lines.filter((line) => line.includes(`○ ${id}`)).length;
        expect(shown).toBe(1);
      }
      if (isDrawn) for (const line of lines.slice(0, -2)) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      expect(linesOf(text, columns)).toEqual(lines);
    }),
    { numRuns: 300 },
  );
});
