import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graphText, layersOf } from '../../../cli/verbs/graph.ts';
import { graphDot, graphJson } from '../../../kernel/picture.ts';
import { PrefixedLog } from '../../../cli/verbs/logs.ts';
import { colorsFor } from '../../../cli/output/colors.ts';
import { runOf } from '../../support/graph-text.ts';

const diamond = runOf('a -> b & c -> d');

describe('a graph', () => {
  test('as text is a line a node, layer by layer', () => {
    expect(graphText(diamond, colorsFor(false, {}), false)).toEqual([
      '1  a  PENDING',
      '2  b  PENDING    after a',
      '   c  PENDING    after a',
      '3  d  PENDING    after b, c',
    ]);
  });

  test('as JSON has nodes and edges', () => {
    const { nodes, edges } = graphJson(diamond);
    expect(nodes[0]).toEqual({ id: 'a', task: null, state: 'PENDING', ghost: null });
    expect(edges.map(({ from, to }) => `${from}-${to}`)).toEqual(['a-b', 'a-c', 'b-d', 'c-d']);
  });

  test('as DOT quotes what must be quoted', () => {
    const dot = graphDot(runOf('say "hi" -> back\\slash'));
    expect(dot).toContain('"say \\"hi\\"" -> "back\\\\slash";');
    expect(dot.split('\n').at(-1)).toBe('}');
  });

  test('of 10,000 nodes in a chain has as many layers', () => {
    const chain = runOf(Array.from({ length: 10_000 }, (_, index) => `n${index}`).join(' -> '));
    expect(layersOf(chain)).toHaveLength(10_000);
  });
});

test('lines of a log carry the name of their node, however the bytes arrive', () => {
  const text = 'first\nzweite größer\n\nlast without end';
  const bytes = new TextEncoder().encode(text);
  const expected = text
    .split('\n')
    .map((line) => `node | ${line}\n`)
    .join('');
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const log = new PrefixedLog('node');
      let shown = '';
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        shown += log.take(bytes.subarray(from, cut), false);
        from = cut;
      }
      shown += log.take(new Uint8Array(0), true);
      expect(shown).toBe(expected);
      expect(log.offset).toBe(bytes.length);
    }),
  );
});
