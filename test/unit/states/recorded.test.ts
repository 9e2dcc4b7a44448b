// Executions, single states and definitions that were recorded elsewhere: each must give the same here. Skipped where the recordings are not
// at hand.

import { describe, expect, test } from 'vitest';
import { type Definition, tryDefinition } from '../../support/asl-definitions.ts';
import { type Execution, hasFixtures, readCases, tryExecution } from '../../support/asl-fixtures.ts';
import { type SingleState, trySingleState } from '../../support/asl-single-states.ts';

const skipped = hasFixtures() ? '' : ' (skipped: ../shared/fixtures/asl is not there)';

/** A limit of AWS on the size of data, which is not ours. */
const UNLIMITED = /data_limit_exceeded/;
/** TestState takes part of the items for failed and the Map for done; and it takes any context object. */
const ONLY_TEST_STATE =
  /test_map_state_failure_count\[INFO-BASE_MAP_STATE\]#exceeds_tolerated_failure|edge_cases\[EMPTY_OBJECTS\]/;

async function expectSame<Case extends { readonly id: string }>(
  cases: readonly Case[],
  run: (one: Case) => Promise<string | null> | string | null,
  different: RegExp,
): Promise<void> {
  expect(cases.length).toBeGreaterThan(0);
  for (const one of cases) {
    const problem = await run(one);
    expect(problem === null, `${one.id}: ${problem ?? ''}`).toBe(!different.test(one.id));
  }
}

describe.skipIf(!hasFixtures())(`what was recorded elsewhere is the same here${skipped}`, () => {
  const executions = hasFixtures() ? readCases<Execution>('executions.jsonl') : [];
  const tiers = [...new Set(executions.map(({ tier }) => tier))];
  test.each(tiers)('executions on AWS: tier %s', { timeout: 60_000 }, async (tier) => {
    await expectSame(
      executions.filter((execution) => execution.tier === tier),
      tryExecution,
      UNLIMITED,
    );
  });

  test('single states on AWS', { timeout: 60_000 }, async () => {
    await expectSame(readCases<SingleState>('single-states.jsonl'), trySingleState, ONLY_TEST_STATE);
  });

  test('definitions that linters judge', async () => {
    await expectSame(readCases<Definition>('definitions.jsonl'), tryDefinition, /^$/);
  });
});
