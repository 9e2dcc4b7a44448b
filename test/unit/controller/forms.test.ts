// Signals that must say what a node asks for: one that does not is no end of the wait.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Json, type JsonObject, textAt } from '../../../kernel/json.ts';
import { MemoryEngine } from '../../support/memory-engine.ts';

const FORM = { type: 'object', required: ['ok'], properties: { ok: { type: 'boolean' } } };
const waits = (id: string, schema?: JsonObject): JsonObject => ({
  id,
  signal: { name: 'go', ...(schema === undefined ? {} : { schema }) },
});

describe('a signal for a form', () => {
  let engine: MemoryEngine;
  beforeEach(async () => {
    engine = new MemoryEngine();
    await engine.startController();
  });
  afterEach(async () => {
    await engine.stopController();
    await engine.store.close();
  });

  async function send(name: string, data: Json): Promise<void> {
    const metadata = { name };
    const spec = { run: 'r', name: 'go', data };
    await engine.store.resources.create({ apiVersion: 'oarlock.dev/v1', kind: 'Signal', metadata, spec });
  }

  async function said(name: string): Promise<string> {
    const signal = await engine.store.resources.get('Signal', name);
    const conditions = (signal?.status?.['conditions'] ?? []) as JsonObject[];
    const [first] = conditions;
    return `${textAt(first, 'status')} ${textAt(first, 'reason')}: ${textAt(first, 'message')}`;
  }

  test('is refused when it does not fit, the wait goes on, and the next one ends it', async () => {
    await engine.run('r', { tasks: [waits('a', FORM)] });
    await send('bad', { ok: 'perhaps' });
    await engine.until('it is refused', async () => (await said('bad')).includes('Invalid'));
    expect(await said('bad')).toBe(
      'False Invalid: node "a": data.ok: expected true or false, found the text "perhaps"',
    );
    expect(await engine.states('r')).toEqual({ a: 'WAITING' });
    await send('good', { ok: true });
    await engine.phaseIs('r', 'Succeeded');
    expect(await engine.status('r')).toMatchObject({ output: { a: { ok: true } } });
  });

  test('is looked at again once it was edited', async () => {
    await engine.run('r', { tasks: [waits('a', FORM)] });
    await send('s', {});
    await engine.until('it is refused', async () => (await said('s')).includes('Invalid'));
    const signal = await engine.store.resources.get('Signal', 's');
    if (signal === null) throw new Error('expected the signal');
    const spec = { ...signal.spec, data: { ok: false } };
    await engine.store.resources.update({ ...signal, metadata: { name: 's' }, spec });
    await engine.phaseIs('r', 'Succeeded');
  });

  test('goes to the oldest wait that takes it', async () => {
    await engine.run('r', { tasks: [waits('a', FORM), { ...waits('b', { type: 'string' }), dependencies: [] }] });
    await engine.until('both wait', async () =>
      Object.values(await engine.states('r')).every((state) => state === 'WAITING'),
    );
    await send('s1', 'for b');
    await send('s2', { ok: true });
    await engine.phaseIs('r', 'Succeeded');
    expect(await engine.status('r')).toMatchObject({ output: { a: { ok: true }, b: 'for b' } });
  });

  test('a state may ask for something, too', async () => {
    const ask = { type: 'Task', waitForSignal: { name: 'go', schema: FORM }, end: true };
    await engine.run('r', { startAt: 'ask', states: { ask } });
    await send('bad', 7);
    await engine.until('it is refused', async () => (await said('bad')).includes('Invalid'));
    expect(await said('bad')).toBe('False Invalid: node "ask": data: expected a mapping, found the number 7');
    await send('good', { ok: true });
    await engine.phaseIs('r', 'Succeeded');
    expect(await engine.status('r')).toMatchObject({ output: { ok: true } });
  });
});
