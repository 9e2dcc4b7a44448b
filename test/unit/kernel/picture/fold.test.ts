// A picture is legible at 5 nodes and at 500: what is alike becomes one box, and what is not alike never does.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folded } from '../../../../kernel/picture/fold.ts';
import { layersOf } from '../../../../kernel/picture/layers.ts';
import { pictureOf, type Picture } from '../../../../kernel/picture/picture.ts';
import { reduced } from '../../../../kernel/picture/reduce.ts';
import { runOf } from '../../../support/graph-text.ts';
import { edgeLooks, ghost, ghostEdges, NO_FUTURES } from '../../../support/pictures.ts';

function pictureOfGraph(text: string): Picture {
  return pictureOf(runOf(text), NO_FUTURES);
}

function series(count: number, clause: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => clause(index)).join(', ');
}

function boxes(picture: Picture): string[] {
  return picture.nodes.map(({ label, fold }) => (fold === undefined ? label : `${label} (${fold.form} ${fold.count})`));
}

describe('folding', () => {
  test('leaves a small picture alone', () => {
    const picture = pictureOfGraph('a -> b & c & d & e -> f');
    expect(folded(picture)).toEqual(picture);
  });

  test('makes one box of parts that are alike, at every size', () => {
    for (const count of [5, 50, 500]) {
      const picture = folded(pictureOfGraph(series(count, (index) => `start -> part-${index} -> end`)));
      expect(boxes(picture)).toEqual(['start', `part-0 … part-${count - 1} (twins ${count})`, 'end']);
      expect(edgeLooks(picture)).toBe('start->part-0:made part-0->end:made');
    }
  });

  test('folds whole lines of work that run side by side', () => {
    const picture = folded(
      pictureOfGraph(series(30, (index) => `get-${index} -> check-${index} -> put-${index} -> end`)),
    );
    expect(boxes(picture)).toEqual([
      'get-0 … get-29 (twins 30)',
      'check-0 … check-29 (twins 30)',
      'put-0 … put-29 (twins 30)',
      'end',
    ]);
  });

  test('keeps apart what goes by another name or stands elsewhere', () => {
    const picture = folded(
      pictureOfGraph(series(6, (index) => `start -> left-${index}, start -> right-${index} -> end`)),
    );
    expect(boxes(picture)).toEqual(['start', 'left-0 … left-5 (twins 6)', 'right-0 … right-5 (twins 6)', 'end']);
  });

  test('makes one box of a long chain', () => {
    expect(boxes(folded(pictureOfGraph(series(499, (index) => `n${index} -> n${index + 1}`))))).toEqual([
      'n0 → n499 (chain 500)',
    ]);
  });

  test('falls back to layers where nothing is alike', () => {
    const name = (layer: number, place: number): string => String.fromCharCode(97 + layer, 65 + place);
    const layers = series(19 * 25, (index) => {
      const [layer, place] = [Math.floor(index / 25), index % 25];
      return `${name(layer, place)} & ${name(layer, (place * 7 + layer) % 25)} -> ${name(layer + 1, place)}`;
    });
    const picture = folded(pictureOfGraph(layers));
    expect(boxes(picture).slice(0, 2)).toEqual(['aA … aW (layer 25)', 'bA … bY (layer 25)']);
    expect(picture.nodes).toHaveLength(20);
  });
});

/** Random graphs without loops, edges from smaller to larger numbers. */
const graph = fc.array(fc.tuple(fc.nat(79), fc.nat(79)), { minLength: 1, maxLength: 160 }).map((pairs) =>
  pairs
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => `n${Math.min(from, to)} -> n${Math.max(from, to)}`)
    .concat('n0')
    .join(', '),
);

test('folding loses no node, adds none, keeps the order, and gives the same for the same', () => {
  fc.assert(
    fc.property(graph, (text) => {
      const picture = pictureOfGraph(text);
      const smaller = folded(picture);
      expect(smaller).toEqual(folded(pictureOfGraph(text)));
      const ids = smaller.nodes.flatMap((node) => node.fold?.ids ?? [node.id]);
      expect(ids.sort()).toEqual(picture.nodes.map(({ id }) => id).sort());
      expect(layersOf(smaller).back.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('leaving out edges that a way around says keeps who comes after whom', () => {
  fc.assert(
    fc.property(graph, (text) => {
      const picture = pictureOfGraph(text);
      const fewer = reduced(picture);
      expect(reachable(fewer)).toEqual(reachable(picture));
      expect(reduced(fewer).edges).toHaveLength(fewer.edges.length);
    }),
    { numRuns: 300 },
  );
});

test('who may make what always comes after something else is not joined to it', () => {
  const [fetch, parse] = [ghost('fetch', 'many', { by: ['plan'] }), ghost('parse', 'many', { by: ['plan'] })];
  const edges = [...ghostEdges('plan -> fetch -> parse -> end'), ...ghostEdges('plan -> parse, fetch -> end', false)];
  const picture = pictureOf(runOf('plan -> end'), { ghosts: [fetch, parse], edges });
  const drawn = reduced(picture).edges.flatMap(({ from, to, ghost: mark }) =>
    mark === null ? [] : [`${from}->${to}`],
  );
  expect(drawn).toEqual(['plan->fetch', 'fetch->parse', 'parse->end']);
  const loose = {
    ghosts: [fetch, parse],
    edges: [...ghostEdges('plan -> fetch'), ...ghostEdges('plan -> parse', false)],
  };
  expect(edgeLooks(reduced(pictureOf(runOf('plan'), loose)))).toBe('plan->fetch:possible plan->parse:possible');
});

function reachable({ nodes, edges }: Picture): string[] {
  const after = new Map(nodes.map(({ id }) => [id, new Set<string>()]));
  const order = layersOf({ name: '', phase: null, nodes, edges }).rows.flat().toReversed();
  for (const id of order) {
    for (const edge of edges) {
      if (edge.from !== id) continue;
      after.get(id)?.add(edge.to);
      for (const further of after.get(edge.to) ?? []) after.get(id)?.add(further);
    }
  }
  return [...after].flatMap(([from, set]) => [...set].map((to) => `${from}>${to}`)).sort();
}
