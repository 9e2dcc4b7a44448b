// The picture for Graphviz: each look is another in black and white, too, and nothing that is written breaks out of its quotes.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dotOf } from '../../../../kernel/picture/dot.ts';
import { pictureOf } from '../../../../kernel/picture/picture.ts';
import { Graphviz } from '../../../../runtime/graphviz.ts';
import { COMMAND, runOf } from '../../../support/graph-text.ts';
import { ghost, ghostEdges, NO_FUTURES } from '../../../support/pictures.ts';

/** The line of a node. */
function lineOf(dot: string, id: string): string {
  return dot.split('\n').find((line) => line.startsWith(`  "${id}" [`)) ?? '';
}

describe('DOT', () => {
  test('quotes what must be quoted', () => {
    const dot = dotOf(pictureOf(runOf('say "hi" -> back\\slash'), NO_FUTURES));
    expect(dot).toContain('"say \\"hi\\"" -> "back\\\\slash" ');
    expect(dot.split('\n').at(-1)).toBe('}');
  });

  test('shows every kind of ghost in a form of its own', () => {
    const futures = {
      ghosts: [
        ghost('any', 'wildcard', { task: null, label: '*', atMost: null }),
        ghost('M', 'many', { atMost: null }),
        ghost('one', 'oneOf', { group: 'g' }),
        ghost('other', 'oneOf', { group: 'g' }),
        ghost('then', 'next', { atLeast: 1 }),
        ghost('never', 'next', { isImpossible: true }),
      ],
      edges: ghostEdges('a -> M -> b'),
    };
    const dot = dotOf(pictureOf(runOf('a -> b'), futures));
    expect(lineOf(dot, 'any')).toMatch(/shape="ellipse"/);
    expect(lineOf(dot, 'M')).toMatch(/style="filled,dashed".*peripheries="2"/);
    expect(lineOf(dot, 'then')).toMatch(/style="filled"/);
    expect(lineOf(dot, 'never')).toMatch(/style="filled,dotted"/);
    expect(lineOf(dot, 'a')).toMatch(/style="rounded,filled"/);
    expect(dot).toMatch(/subgraph "cluster_0" \{\n.*label="one of".*\n {4}"one"; "other";/);
    expect(dot).toMatch(/"a" -> "M" \[.*style="dashed"/);
  });

  test('takes colours that are colours, and no others', () => {
    const run = runOf('a, b, c', {
      tasks: {
        a: { executor: COMMAND, display: { color: '#102030', label: 'A & <b>' } },
        b: { executor: COMMAND, display: { color: 'gold' } },
        c: { executor: COMMAND, display: { color: 'url(x)' } },
      },
    });
    const dot = dotOf(pictureOf(run, NO_FUTURES));
    expect(lineOf(dot, 'a')).toMatch(/label="○ A &amp; <b>".*fillcolor="#102030".*fontcolor="#ffffff"/);
    expect(lineOf(dot, 'b')).toMatch(/fillcolor="#ffd700".*fontcolor="#000000"/);
    expect(dot).not.toContain('url');
  });
});

test('whatever text stands in ids and labels, the drawing is XML with that text in it, and nothing runs in it', async () => {
  const graphviz = new Graphviz();
  const texts = [
    '</text><script>alert(1)</script>',
    '&lt;b&gt;',
    '"];evil [',
    '\\N \\G \\l',
    'a\u0000b\u001bc',
    '\ud800x',
    '日本 😀',
    'x'.repeat(900),
    'tail\\',
  ];
  const samples = [
    ...texts,
    ...fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), { numRuns: 60, seed: 5 }),
  ];
  const nodes = [...new Set(samples)].map((text) => ({
    id: text,
    task: { executor: COMMAND, display: { label: text } },
  }));
  const run = runOf('zero');
  const { nodes: shown, ...rest } = pictureOf(run, NO_FUTURES);
  const more = nodes.map(({ id }) => ({
    id,
    task: null,
    state: 'PENDING' as const,
    ghost: null,
    look: 'certain' as const,
    label: id,
    createdBy: null,
  }));
  const edges = more.map(({ id }) => ({ from: 'zero', to: id, ghost: null, look: 'made' as const, label: id }));
  const svg = await graphviz.svg(dotOf({ ...rest, nodes: [...shown, ...more], edges }));
  expect(svg.match(/<g id="node\d+"/g)?.length).toBe(nodes.length + 1);
  expect(svg).not.toMatch(/<script|[\u0000-\u0008]|onload=/);
  expect(svg).toContain('&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(svg).toContain('&amp;lt;b&amp;gt;');
  expect(svg).toContain('日本 😀');
});

test('a drawing that asks for too much ends, and those that wait get their turn', async () => {
  const graphviz = new Graphviz();
  await expect(graphviz.svg('x'.repeat(5_000_000))).rejects.toMatchObject({ code: 'TooLarge' });
  await expect(graphviz.svg('digraph {')).rejects.toMatchObject({ code: 'Failed' });
  const hasty = new Graphviz({ deadlineMs: 1_500 });
  const dense = Array.from(
    { length: 60_000 },
    (_, index) => `n${(index * 7919) % 3_001} -> n${(index * 104_729) % 3_001};`,
  );
  await expect(hasty.svg(`digraph {${dense.join('')}}`)).rejects.toMatchObject({ code: 'TooSlow' });
  const all = await Promise.all(Array.from({ length: 4 }, () => graphviz.svg('digraph { a -> b }')));
  expect(all.every((svg) => svg.includes('</svg>'))).toBe(true);
}, 30_000);
