// May a Signal be sent to a run? Its data against what the nodes ask for that wait for it, or will.

import { isBeat } from '../kernel/decide.ts';
import { formsOf, hearsBeats } from '../kernel/form.ts';
import type { Json } from '../kernel/json.ts';
import type { Run } from '../kernel/run.ts';
import { DataChecks } from './data-checks.ts';
import type { DataProblem } from './schema.ts';

/** Undefined when one of them takes it; else why the first does not. */
export async function signalProblem(run: Run, name: string, data: Json): Promise<DataProblem | undefined> {
  const forms = formsOf(run, name);
  if (forms.length === 0 || (isBeat(data) && hearsBeats(run, name))) return undefined;
  const checks = new DataChecks();
  let first: DataProblem | undefined;
  try {
    for (const form of forms) {
      const problem = await checks.check(form, data);
      if (problem === undefined) return undefined;
      first ??= problem;
    }
    return first;
  } finally {
    await checks.close();
  }
}
