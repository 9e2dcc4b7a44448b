// The order workflow of the task description through the real command line: every way in which an order can end, and the same workflow
// on other Tasks. The order that runs into its time limit of 30 s (timeout.json) is
// left to `npm run demo:order`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Place } from '../support/oarlock.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLE = join(ROOT, 'manifests', 'examples', 'order-processing');

interface RunObject {
  readonly status: {
    readonly phase: string;
    readonly error?: { readonly type: string; readonly message: string };
    readonly output: { readonly [name: string]: unknown } | null;
    readonly nodes: { readonly [id: string]: { readonly state: string; readonly attempts: number } };
  };
}

const RESERVED = ['validate_order', 'check_inventory', 'inventory_decision', 'reserve_inventory'];
const FAILED = { type: 'OrderProcessingFailed', message: 'Order could not be completed' };

const SERVICES = `
{apiVersion: oarlock.dev/v1, kind: Task, metadata: {name: fine}, spec: {mock: {output: {inventoryAvailable: true}}}}
---
{apiVersion: oarlock.dev/v1, kind: Task, metadata: {name: slow}, spec: {mock: {output: {}, delaySeconds: 60}}}
`;

describe('the order workflow', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(async () => {
    await place.close();
  });

  async function runOrder(...args: string[]): Promise<RunObject> {
    const ended = await place.start('run', 'order_processing_workflow', '-o', 'json', ...args).ended;
    return JSON.parse(ended.stdout) as RunObject;
  }

  /** The services are functions of a module (services.mjs), which is looked for from where the engine was started. */
  async function applyExample(): Promise<void> {
    const tasks = readFileSync(join(EXAMPLE, 'tasks.yaml'), 'utf8').replaceAll(
      './manifests/examples/order-processing',
      EXAMPLE,
    );
    expect(await place.start('apply', '-f', place.file('tasks.yaml', tasks)).ended).toMatchObject({ code: 0 });
    expect(await place.start('apply', '-f', join(EXAMPLE, 'workflow.yaml')).ended).toMatchObject({ code: 0 });
  }

  test('every order ends as its input says', async () => {
    await applyExample();
    const paid = [...RESERVED, 'process_payment', 'fulfill_order', 'order_success'];
    const rows = [
      { input: 'success.json', phase: 'Succeeded', path: paid, attempts: { validate_order: 1 } },
      { input: 'retry-recovers.json', phase: 'Succeeded', path: paid, attempts: { validate_order: 3 } },
      { input: 'backorder.json', phase: 'Failed', path: [...RESERVED.slice(0, 3), 'notify_backorder', 'order_failed'] },
      {
        input: 'payment-failed.json',
        phase: 'Failed',
        path: [...RESERVED, 'process_payment', 'payment_failed', 'order_failed'],
        attempts: { process_payment: 3 },
      },
      {
        input: 'validation-error.json',
        phase: 'Failed',
        path: ['validate_order', 'order_failed'],
        attempts: { validate_order: 4 },
      },
    ];
    for (const { input, phase, path, attempts } of rows) {
      const { status } = await runOrder('--input', `@${join(EXAMPLE, 'inputs', input)}`);
      expect(status, input).toMatchObject({ phase });
      expect(Object.keys(status.nodes), input).toEqual(path);
      if (phase === 'Failed') expect(status.error, input).toEqual(FAILED);
      else expect(status.output, input).toMatchObject({ tracking: expect.stringContaining('PARCEL') });
      for (const [node, count] of Object.entries(attempts ?? {}))
        expect(status.nodes[node]?.attempts, `${input} ${node}`).toBe(count);
    }
  });

  test('a resource that stands for nothing keeps the run from starting, and says so', async () => {
    expect(await place.start('apply', '-f', join(EXAMPLE, 'workflow.yaml')).ended).toMatchObject({ code: 0 });
    const ended = await place.start('run', 'order_processing_workflow').ended;
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain('orderService.validate');
  });

  test('a table in the run gives resources another meaning', async () => {
    await applyExample();
    expect(await place.start('apply', '-f', place.file('fine.yaml', SERVICES)).ended).toMatchObject({ code: 0 });
    const run = {
      apiVersion: 'oarlock.dev/v1',
      kind: 'WorkflowRun',
      metadata: { name: 'other' },
      spec: {
        workflowRef: { name: 'order_processing_workflow' },
        taskRefs: Object.fromEntries(
          ['orderService.validate', 'inventoryService.check', 'inventoryService.reserve', 'paymentService.charge'].map(
            (resource) => [resource, 'fine'],
          ),
        ),
        input: { orderId: '7' },
      },
    };
    const ended = await place.start('run', place.file('run.json', JSON.stringify(run)), '-o', 'json').ended;
    const { status } = JSON.parse(ended.stdout) as RunObject;
    expect(status).toMatchObject({
      phase: 'Succeeded',
      output: { inventoryAvailable: true, tracking: 'PARCEL-undefined' },
    });
  });
});
