// Looks are promises about the future of a node: held against what then happens, over random graphs, triggers, conditions and failures.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Look } from '../../../../kernel/picture/picture.ts';
import { looksOf } from '../../../../kernel/picture/looks.ts';
import type { Node } from '../../../../kernel/node.ts';
import type { NodeSpec, Registration, TaskSpec, Trigger } from '../../../../kernel/task.ts';
import { COMMAND, registration } from '../../../support/graph-text.ts';
import { Driver, failure, SUCCESS } from '../../../support/kernel-driver.ts';

interface Drawn {
  readonly trigger: Trigger;
  readonly when: 'none' | 'input' | 'output';
  readonly dependencies: readonly number[];
  readonly outcome: 'ok' | 'not ok' | 'fails';
}

const drawnNode: fc.Arbitrary<Drawn> = fc.record({
  trigger: fc.constantFrom<Trigger[]>('AllSuccess', 'AllSuccess', 'AllDone', 'AnySuccess', 'AnyFailed'),
  when: fc.constantFrom('none', 'none', 'input', 'output'),
  dependencies: fc.array(fc.nat(9), { maxLength: 3 }),
  outcome: fc.constantFrom('ok', 'ok', 'ok', 'not ok', 'fails'),
});

function specOf({ trigger, when, dependencies }: Drawn, index: number): NodeSpec {
  const before = [...new Set(dependencies.filter((other) => other < index))];
  const source = before[0] === undefined ? '$.input.yes' : `$.tasks.n${before[0]}.output.ok`;
  const condition =
    when === 'none' ? {} : { when: when === 'input' ? `$.input.${index % 2 === 0 ? 'yes' : 'no'}` : source };
  const task: TaskSpec = { executor: COMMAND, trigger, ...condition };
  return { id: `n${index}`, task, dependencies: before.map((other) => `n${other}`) };
}

test('what looks impossible never runs; what looks certain does, unless something failed', () => {
  fc.assert(
    fc.property(
      fc.array(drawnNode, { minLength: 1, maxLength: 10 }),
      fc.constantFrom<NonNullable<Registration['failurePolicy']>[]>('FailFast', 'Continue'),
      fc.boolean(),
      (drawn, failurePolicy, mayFail) => {
        const change = { nodes: drawn.map(specOf) };
        const said: { looks: ReadonlyMap<string, Look> }[] = [];
        const driver = new Driver(registration(change, { failurePolicy, input: { yes: true, no: false } }), (run) => {
          said.push({ looks: new Map(Array.from(looksOf(run), ([node, look]) => [node.id, look])) });
          return undefined;
        });
        driver.finish((node: Node) => {
          const outcome = drawn[Number(node.id.slice(1))]?.outcome ?? 'ok';
          if (outcome === 'fails' && mayFail) return failure();
          return outcome === 'ok' ? SUCCESS : { result: 'Success', output: { ok: false } };
        });
        const hasFailed = driver.run.counts.FAILED > 0;
        for (const { looks } of said) {
          for (const [id, look] of looks) {
            const ran = (driver.run.nodes.get(id)?.attempts ?? 0) > 0;
            if (look === 'impossible') expect(`${id} ran: ${ran}`).toBe(`${id} ran: false`);
            if (look === 'certain' && !hasFailed) expect(`${id} ran: ${ran}`).toBe(`${id} ran: true`);
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
