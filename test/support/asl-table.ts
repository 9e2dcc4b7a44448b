// `npm run test:asl`: the recordings of the Amazon States Language, tier by tier: how many give here what they gave there, and how the
// others differ. An argument limits it to a tier, or to cases whose id contains it.

import { type Definition, tryDefinition } from './asl-definitions.ts';
import { type Execution, hasFixtures, readCases, tryExecution } from './asl-fixtures.ts';
import { type SingleState, trySingleState } from './asl-single-states.ts';

interface Case {
  readonly tier: string;
  readonly id: string;
  readonly run: () => Promise<string | null> | string | null;
}

function allCases(): Case[] {
  return [
    ...readCases<Execution>('executions.jsonl').map((execution) => ({
      tier: execution.tier,
      id: execution.id,
      run: () => tryExecution(execution),
    })),
    ...readCases<SingleState>('single-states.jsonl').map((single) => ({
      tier: 'single-states',
      id: single.id,
      run: () => trySingleState(single),
    })),
    ...readCases<Definition>('definitions.jsonl').map((definition) => ({
      tier: 'definitions',
      id: definition.id,
      run: () => tryDefinition(definition),
    })),
  ];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(only: string | undefined): Promise<void> {
  if (!hasFixtures()) return say('skipped: ../shared/fixtures/asl is not there');
  const tiers = new Map<string, { same: number; total: number }>();
  for (const { tier: name, id, run } of allCases()) {
    if (only !== undefined && name !== only && !id.includes(only)) continue;
    const problem = await run();
    const tier = tiers.get(name) ?? { same: 0, total: 0 };
    tiers.set(name, tier);
    tier.total += 1;
    if (problem === null) tier.same += 1;
    else say(`${name}: ${id}\n  ${problem.slice(0, 300)}`);
  }
  say('| tier | as on AWS | cases |\n|---|---|---|');
  for (const [name, { same, total }] of tiers) say(`| ${name} | ${same} | ${total} |`);
}

await main(process.argv[2]);
