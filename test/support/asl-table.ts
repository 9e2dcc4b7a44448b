// `npm run test:asl`: the recorded executions of the Amazon States Language, tier by tier: how many give here what AWS gave, and how the
// others differ. An argument limits it to a tier, or to cases whose id contains it.

import { type Execution, hasFixtures, readCases, tryExecution } from './asl-fixtures.ts';

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(only: string | undefined): Promise<void> {
  if (!hasFixtures()) return say('skipped: ../shared/fixtures/asl is not there');
  const tiers = new Map<string, { same: number; total: number }>();
  for (const execution of readCases<Execution>('executions.jsonl')) {
    if (only !== undefined && execution.tier !== only && !execution.id.includes(only)) continue;
    const problem = await tryExecution(execution);
    const tier = tiers.get(execution.tier) ?? { same: 0, total: 0 };
    tiers.set(execution.tier, tier);
    tier.total += 1;
    if (problem === null) tier.same += 1;
    else say(`${execution.tier}: ${execution.id}\n  ${problem.slice(0, 300)}`);
  }
  say('| tier | as on AWS | cases |\n|---|---|---|');
  for (const [name, { same, total }] of tiers) say(`| ${name} | ${same} | ${total} |`);
}

await main(process.argv[2]);
