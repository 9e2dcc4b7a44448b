// Executions that were recorded on AWS, run in memory: each must give the same status, output and error. Skipped where the recordings
// are not at hand.

import { describe, expect, test } from 'vitest';
import { type Execution, hasFixtures, readCases, tryExecution } from '../../support/asl-fixtures.ts';

/** Limits of AWS on the size of data, which are not ours. */
const DIFFERENT = /data_limit_exceeded/;

describe.skipIf(!hasFixtures())('executions recorded on AWS give the same here', () => {
  const executions = hasFixtures() ? readCases<Execution>('executions.jsonl') : [];
  const tiers = [...new Set(executions.map(({ tier }) => tier))];
  test.each(tiers)('tier %s', { timeout: 60_000 }, async (tier) => {
    const cases = executions.filter((execution) => execution.tier === tier);
    expect(cases.length).toBeGreaterThan(0);
    for (const execution of cases) {
      const problem = await tryExecution(execution);
      const isSame = problem === null;
      expect(isSame, `${execution.id}: ${problem ?? ''}`).toBe(!DIFFERENT.test(execution.id));
    }
  });
});
