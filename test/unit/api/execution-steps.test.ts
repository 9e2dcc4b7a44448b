// What the plain endpoints tell of where an execution stands.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../../kernel/json.ts';
import { stepsOf } from '../../../api/faces/execution-steps.ts';
import { MachineDriver } from '../../support/state-machine-run.ts';

async function whereItStands(definition: JsonObject): Promise<JsonObject> {
  const driver = await MachineDriver.start({ definition, input: {} });
  while (await driver.settle());
  return stepsOf(driver.run, false);
}

test('the current state is a state, whichever visit of it; a limit of time is none', async () => {
  const wait = { Type: 'Wait', Seconds: 5, End: true };
  const machine = { TimeoutSeconds: 60, StartAt: 'A', States: { A: { Type: 'Pass', Next: 'B' }, B: wait } };
  expect(await whereItStands(machine)).toMatchObject({ currentState: 'B', currentSteps: ['B'] });
});

test('inside a branch it is the state of that branch, and the step says where it is', async () => {
  const branch = { StartAt: 'W', States: { W: { Type: 'Wait', Seconds: 5, End: true } } };
  const machine = { StartAt: 'P', States: { P: { Type: 'Parallel', Branches: [branch], End: true } } };
  expect(await whereItStands(machine)).toMatchObject({ currentState: 'W', currentSteps: ['P/0/W'] });
});
