// Large documents: admitted in a thread of their own with the same answers, while the loop goes on, under a deadline.

import { describe, expect, test } from 'vitest';
import { AdmissionError } from '../../../kernel/errors.ts';
import { admit, admitNow } from '../../../manifests/admit.ts';
import { admitInThread } from '../../../manifests/off-thread.ts';

const yamlOf = (count: number, last = ''): string =>
  `id: w\ntasks:\n${Array.from({ length: count }, (_, i) => `- {id: t${i}, command: echo ${i}}\n`).join('')}${last}`;

describe('large documents', () => {
  test('the answer is the one of this thread', async () => {
    const text = yamlOf(4000);
    expect(text.length).toBeGreaterThan(64 * 1024);
    expect(await admit({ name: 'x', text })).toEqual(admitNow({ name: 'x', text }));
  });

  test('bytes are admitted like text', async () => {
    const { manifests } = await admit({ name: 'x', bytes: new TextEncoder().encode(yamlOf(4000)) });
    expect(manifests[0]?.manifest.spec['tasks']).toHaveLength(4000);
  });

  test('problems come back with their places', async () => {
    const error = await admit({ name: 'x.yaml', text: yamlOf(4000, '- {id: bad}\n') }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(AdmissionError);
    expect((error as Error).message).toMatch(/^x\.yaml:4003:3: tasks\[4000\]: expected exactly one of command/);
  });

  test('a text that only begins like JSON is not read in place', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 5);
    const text = `{"a": ${'[1, '.repeat(20)}${'x, '.repeat(100_000)}`;
    const error = await admit({ name: 'x', text }).catch((caught: unknown) => caught);
    clearInterval(timer);
    expect(error).toBeInstanceOf(AdmissionError);
    expect(ticks).toBeGreaterThan(5);
  });

  test('the loop of this thread goes on meanwhile', async () => {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const begun = performance.now();
    await admit({ name: 'x', text: yamlOf(10_000) });
    clearInterval(timer);
    expect(longest).toBeLessThan((performance.now() - begun) / 2);
  });

  test('what takes longer than its size allows is ended and refused', async () => {
    const error = await admitInThread({ name: 'x', text: yamlOf(100_000) }, 0).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AdmissionError);
    expect((error as Error).message).toContain('expected to be read within 1000 ms, took longer');
  });
});
