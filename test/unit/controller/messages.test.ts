// What tasks say and are told, on the memory store: tasks here are the test's own words.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../kernel/events.ts';
import { isObject, type Json, type JsonObject } from '../../../kernel/json.ts';
import type { Outcome } from '../../../kernel/task.ts';
import type { Offer } from '../../../store/store.ts';
import { MemoryEngine } from '../../support/memory-engine.ts';

const success: Outcome = { result: 'Success' };
const WORKFLOW = {
  tasks: [
    { id: 'A', python: { code: '' } },
    { id: 'B', command: 'true', dependencies: ['A'] },
  ],
  templates: [{ id: 'M', mock: {} }],
};

describe('a task that speaks', () => {
  let engine: MemoryEngine;
  let stopWorker: () => Promise<void>;
  let offers: Offer[];

  beforeEach(async () => {
    engine = new MemoryEngine();
    offers = [];
    await engine.startController();
    stopWorker = await engine.startWorker('w1', 4, (offer) => {
      offers.push(offer);
      return offer.node === 'A' ? undefined : success;
    });
  });
  afterEach(async () => {
    await engine.stopController();
    await stopWorker();
    await engine.store.close();
  });

  /** The fence under which A runs. */
  const begin = async (workflow: JsonObject = WORKFLOW): Promise<string> => {
    await engine.run('r', workflow);
    await engine.until('A runs', () => offers.some(({ node }) => node === 'A'));
    const fence = offers.findLast(({ node }) => node === 'A')?.fence ?? '';
    engine.place.leases.listenTo('w1', fence);
    return fence;
  };
  const say = (fence: string, text: string): void => engine.place.leases.speak('w1', fence, Buffer.from(text));
  const ask = (fence: string, id: number | string, method: string, params?: Json): void =>
    say(fence, `${JSON.stringify({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) })}\n`);

  const told: JsonObject[] = [];
  beforeEach(() => void told.splice(0));
  /** The first `count` answers that came. A thread that loads from the sources takes seconds on a busy machine. */
  const answers = async (fence: string, count: number): Promise<JsonObject[]> => {
    const isTold = (): boolean => {
      const lines = engine.place.leases.listenTo('w1', fence).toString().split('\n');
      told.push(...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as JsonObject));
      return told.length >= count;
    };
    await engine.until(`${count} answers`, isTold, 15_000);
    return told;
  };
  const events = async (): Promise<RunEvent[]> => {
    const [ref] = await engine.store.runs.list();
    return ref === undefined ? [] : [...((await engine.store.runs.load(ref, { ignoreSnapshot: true }))?.events ?? [])];
  };
  const end = (fence: string, outcome: Outcome = success): Promise<unknown> =>
    engine.store.leases.settle('w1', fence, { outcome });
  const log = async (): Promise<string> => {
    const [ref] = await engine.store.runs.list();
    if (ref === undefined) return '';
    return Buffer.from(await engine.store.runs.readLog(ref, 'A', 1, 0, 1_000_000)).toString();
  };

  test('adds nodes and edges, and is told their ids', async () => {
    const fence = await begin();
    ask(fence, 1, 'graph.change', {
      nodes: [
        { task: 'M', dependencies: ['A'], before: ['B'] },
        { id: 'x', task: 'M' },
      ],
    });
    expect(await answers(fence, 1)).toEqual([{ jsonrpc: '2.0', id: 1, result: { nodes: ['A/0.1', 'x'] } }]);
    await end(fence);
    await engine.phaseIs('r', 'Succeeded');
    expect(Object.keys(await engine.states('r'))).toEqual(['A', 'B', 'A/0.1', 'x']);
  });

  test('and has ended long before is heard to its last word before its end counts', async () => {
    const fence = await begin();
    const line = (index: number): string =>
      `{"jsonrpc":"2.0","method":"graph.change","params":{"nodes":[{"id":"n${index}","task":"M","dependencies":["A"]}]}}\n`;
    say(fence, Array.from({ length: 5000 }, (_, index) => line(index)).join(''));
    await end(fence);
    await engine.phaseIs('r', 'Succeeded');
    expect(await engine.status('r')).toMatchObject({ counts: { total: 5002, SUCCESS: 5002 } });
  });

  const REFUSED: readonly { name: string; line: string; id: Json; code: number; words: RegExp }[] = [
    {
      name: 'half a message',
      line: '{"jsonrpc": "2.0", "id": 1,',
      id: null,
      code: -32700,
      words: /expected a line of JSON/,
    },
    {
      name: 'a version that is not 2.0',
      line: '{"jsonrpc": "1.0", "id": 1, "method": "log"}',
      id: 1,
      code: -32600,
      words: /2\.0/,
    },
    { name: 'no method', line: '{"jsonrpc": "2.0", "id": "a"}', id: 'a', code: -32600, words: /JSON-RPC 2\.0/ },
    {
      name: 'an id that is none',
      line: '{"jsonrpc": "2.0", "id": {}, "method": "log"}',
      id: null,
      code: -32600,
      words: /^id: /,
    },
    {
      name: 'a method that there is not',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "fly"}',
      id: 1,
      code: -32601,
      words: /"fly": expected one of run.input, graph.change/,
    },
    {
      name: 'a log without a message',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "log"}',
      id: 1,
      code: -32602,
      words: /params.message: required/,
    },
    {
      name: 'a change that is a list',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": []}',
      id: 1,
      code: -32602,
      words: /expected a mapping, found an empty list/,
    },
    {
      name: 'a field that there is not',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"nodes": [{"task": "M", "dependancies": []}]}}',
      id: 1,
      code: -32602,
      words: /nodes\[0\].dependancies: unknown field; did you mean "dependencies"/,
    },
    {
      name: 'a template that there is not',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"nodes": [{"task": "N"}]}}',
      id: 1,
      code: -32602,
      words: /nodes\[0\].task: expected the name of a template, found "N"/,
    },
    {
      name: 'a template with another executor',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"nodes": [{"task": "M", "messages": true}]}}',
      id: 1,
      code: -32602,
      words: /nodes\[0\].messages: expected only without task/,
    },
    {
      name: 'a condition that cannot be read',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"nodes": [{"task": "M", "when": "((("}]}}',
      id: 1,
      code: -32602,
      words: /nodes\[0\].when/,
    },
    {
      name: 'an edge into the past',
      line: '{"jsonrpc": "2.0", "id": 1, "method": "graph.change", "params": {"edges": [{"from": "B", "to": "A"}]}}',
      id: 1,
      code: 1,
      words: /"A" has started/,
    },
  ];
  test.each(REFUSED)('is told what is wrong with $name', async ({ line, id, code, words }) => {
    const fence = await begin();
    say(fence, `${line}\n`);
    const [answer] = await answers(fence, 1);
    expect(answer).toMatchObject({ id, error: { code, message: expect.stringMatching(words) as string } });
    await end(fence);
    await engine.phaseIs('r', 'Succeeded');
    expect(Object.keys(await engine.states('r'))).toEqual(['A', 'B']);
  });

  test('that asks for its input gets it', async () => {
    const fence = await begin({ tasks: [{ id: 'A', python: { code: '' }, with: { n: [1, 2] } }] });
    ask(fence, 'in', 'run.input');
    expect(await answers(fence, 1)).toEqual([{ jsonrpc: '2.0', id: 'in', result: { input: { n: [1, 2] } } }]);
  });

  test('that says its output several times means the last', async () => {
    const fence = await begin();
    for (const value of [1, { two: 2 }, 'three']) ask(fence, JSON.stringify(value), 'output', { value });
    await answers(fence, 3);
    await end(fence);
    await engine.phaseIs('r', 'Succeeded');
    expect((await events()).find((event) => event.type === 'Ended')).toMatchObject({ outcome: { output: 'three' } });
  });

  test('whose progress is many lines is journaled in few', async () => {
    const fence = await begin();
    const lines = Array.from(
      { length: 500 },
      (_, value) => `{"jsonrpc":"2.0","method":"progress","params":{"value":${value}}}\n`,
    );
    say(fence, lines.join(''));
    await engine.until('it is seen', async () =>
      (await events()).some((event) => event.type === 'Reported' && event.progress === 499),
    );
    expect((await events()).filter(({ type }) => type === 'Reported').length).toBeLessThan(5);
  });

  test('that prints is found in its log, in order, with what it says there', async () => {
    const fence = await begin();
    say(fence, 'one\n{"not": "a message"}\n{"jsonrpc":"2.0","method":"log","params":{"message":"two"}}\nthr');
    say(fence, 'ee\nlast');
    await end(fence);
    await engine.phaseIs('r', 'Succeeded');
    expect(await log()).toBe('one\n{"not": "a message"}\ntwo\nthree\nlast\n');
    expect((await events()).some(({ type }) => type === 'Reported')).toBe(false);
  });

  test('is answered anew by a new controller, in the same words', async () => {
    const fence = await begin();
    ask(fence, 1, 'graph.change', { nodes: [{ task: 'M' }, { task: 'M' }] });
    ask(fence, 2, 'graph.change', { edges: [{ from: 'B', to: 'A' }] });
    ask(fence, 3, 'run.input');
    const first = [...(await answers(fence, 3))];
    told.splice(0);
    await engine.stopController();
    await engine.startController();
    expect(await answers(fence, 3)).toEqual(first);
    ask(fence, 4, 'graph.change', { nodes: [{ task: 'M' }] });
    expect((await answers(fence, 4))[3]).toMatchObject({ id: 4, result: { nodes: ['A/0.3'] } });
    expect((await events()).filter(({ type }) => type === 'GraphChanged')).toHaveLength(2);
  });

  test('that tries again and says the same changes nothing; ids that were refused are not given again', async () => {
    const retrying = { ...WORKFLOW, tasks: [{ id: 'A', python: { code: '' }, maxRetries: 1 }] };
    const words = async (fence: string): Promise<Json> => {
      told.splice(0);
      ask(fence, 1, 'graph.change', { nodes: [{ task: 'M', input: 1 }] });
      ask(fence, 2, 'graph.change', { nodes: [{ task: 'M', before: ['A'] }] });
      ask(fence, 3, 'graph.change', { nodes: [{ task: 'M', input: 3 }] });
      return (await answers(fence, 3)).map(({ result, error }) =>
        isObject(result) ? (result['nodes'] ?? null) : isObject(error) ? (error['code'] ?? null) : null,
      );
    };
    const first = await begin(retrying);
    const said = await words(first);
    expect(said).toEqual([['A/0.1'], 1, ['A/0.3']]);
    await end(first, { result: 'Failure', error: { type: 'TaskFailed', message: '' } });
    await engine.until('it is tried again', () => offers.filter(({ node }) => node === 'A').length === 2);
    const second = offers.at(-1)?.fence ?? '';
    engine.place.leases.listenTo('w1', second);
    expect(await words(second)).toEqual(said);
    await end(second);
    await engine.phaseIs('r', 'Succeeded');
    expect(Object.keys(await engine.states('r'))).toEqual(['A', 'A/0.1', 'A/0.3']);
  });

  test('that breaks a promise is told which, and the run ends', async () => {
    const fence = await begin({ ...WORKFLOW, promises: [{ noNewNodes: true }] });
    ask(fence, 1, 'graph.change', { nodes: [{ task: 'M' }] });
    await engine.phaseIs('r', 'Failed');
    const broken = (await events()).find(({ type }) => type === 'PromiseBroken');
    expect(broken).toMatchObject({
      by: 'A',
      promise: expect.stringContaining('noNewNodes') as string,
      message: { id: 1 },
    });
    expect(Object.keys(await engine.states('r'))).toEqual(['A', 'B']);
  });

  test('may send a large change, which is admitted elsewhere, and what follows it waits', async () => {
    const fence = await begin();
    const nodes = Array.from({ length: 6000 }, (_, index) => ({ id: `n${index}`, task: 'M', input: 'x'.repeat(200) }));
    ask(fence, 1, 'graph.change', { nodes });
    ask(fence, 2, 'graph.change', { nodes: [{ id: 'after', task: 'M', dependencies: ['n5999'] }] });
    const [first, second] = await answers(fence, 2);
    expect(first).toMatchObject({ id: 1 });
    expect(second).toEqual({ jsonrpc: '2.0', id: 2, result: { nodes: ['after'] } });
  });

  test('whose large change is being admitted when the controller ends is heard by the next one', async () => {
    const fence = await begin();
    ask(fence, 1, 'run.input');
    const nodes = Array.from({ length: 6000 }, (_, index) => ({ id: `n${index}`, task: 'M', input: 'x'.repeat(200) }));
    ask(fence, 2, 'graph.change', { nodes });
    ask(fence, 3, 'graph.change', { nodes: [{ id: 'after', task: 'M' }] });
    await answers(fence, 1);
    await engine.stopController();
    told.splice(0);
    await engine.startController();
    expect((await answers(fence, 3)).map(({ id, error }) => [id, error])).toEqual(
      [1, 2, 3].map((id) => [id, undefined]),
    );
    expect((await events()).filter(({ type }) => type === 'GraphChanged')).toHaveLength(2);
  });

  test('whose line is too long is told so, and goes on', async () => {
    const fence = await begin();
    const piece = `{"jsonrpc":"2.0","id":1,"method":"log","params":{"message":"${'x'.repeat(4 * 1024 * 1024)}`;
    for (let index = 0; index < 5; index += 1) say(fence, index === 0 ? piece : 'x'.repeat(4 * 1024 * 1024));
    say(fence, '"}}\n');
    ask(fence, 2, 'run.input');
    const [first, second] = await answers(fence, 2);
    expect(first).toMatchObject({
      id: null,
      error: {
        code: -32700,
        message: expect.stringMatching(/a line of \d+ bytes, expected at most 16777216/) as string,
      },
    });
    expect(second).toMatchObject({ id: 2, result: {} });
    expect((await log()).length).toBeLessThan(1000);
  });

  test('that does not read loses no answer: they come as it reads', async () => {
    const fence = await begin();
    const count = 3000;
    for (let id = 1; id <= count; id += 1)
      ask(fence, id, 'graph.change', { nodes: [{ id: `a node with a long name, number ${id}`, task: 'M' }] });
    await engine.until(
      'all are made',
      async () => (await events()).filter(({ type }) => type === 'GraphChanged').length === count,
    );
    let text = '';
    await engine.until('all are told', () => {
      text += engine.place.leases.listenTo('w1', fence).toString();
      return text.split('\n').length > count;
    });
    const ids = text
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: number }).id);
    expect(ids).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });

  test('that is cancelled is heard until its end, and adds what never runs', async () => {
    const fence = await begin();
    ask(fence, 1, 'graph.change', { nodes: [{ id: 'late', task: 'M', dependencies: ['A'] }] });
    await answers(fence, 1);
    await engine.edit('r', { cancel: true });
    await engine.phaseIs('r', 'Cancelled');
    expect(await engine.states('r')).toMatchObject({ late: 'CANCELLED' });
  });
});
