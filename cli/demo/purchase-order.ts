// The demo behind `npm run demo:po`: a purchase order comes by mail (manifests/examples/purchase-order) and ends as a row, through the
// real command line: twice, with the database away, and beside a run that is still going on. All state of tasks is in Postgres: the one
// that comes with npm, or DATABASE_URL. State is temporary and removed at the end; po_alert.json stays in the working directory, and what
// was written to DATABASE_URL stays there.
//
// Exits with 0 only if all went as it should.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isObject, type Json, textAt } from '../../kernel/json.ts';
import { EXAMPLES, parse, ROOT, say, Stage } from './stage.ts';

const EXAMPLE = join(EXAMPLES, 'purchase-order');
const INPUT = join(EXAMPLE, 'input.json');
const ALERT = 'po_alert.json';
/** Nothing listens there. */
const NOWHERE = 'postgres://127.0.0.1:1/orders';

/** In the words in which people ask for it. */
const FINAL: Readonly<Record<string, string>> = { Succeeded: 'COMPLETED', Failed: 'FAILED', Cancelled: 'CANCELLED' };

class Demo {
  readonly store = process.env['DATABASE_URL'] ?? 'embedded-postgres';
  /** The address of the store may hold a password: so it goes by the environment. */
  readonly stage = new Stage({ OARLOCK_STORE: this.store });
  /** Runs of an earlier demo may still be in the database. */
  readonly tag = randomUUID().slice(0, 4);
  readonly problems: string[] = [];

  async run(): Promise<void> {
    const where = process.env['DATABASE_URL'] === undefined ? 'the Postgres that comes with npm' : '$DATABASE_URL';
    say(`From a purchase order in a mail to a row in Postgres. Database, and store of all task state: ${where}.`);
    say(`All commands run with OARLOCK_STORE=${this.store === 'embedded-postgres' ? this.store : '$DATABASE_URL'}.`);
    this.stage.disk.unlink(join(ROOT, ALERT));
    await this.oarlock(['apply', '-f', join(EXAMPLE, 'workflow.yaml')]);

    say('\n== 1 of 5 == The mail is read, its fields are found, stored and checked.');
    await this.order(this.named('po-first'), 'Succeeded');
    this.showAlert();

    say('\n== 2 of 5 == The same mail again: still one row.');
    await this.order(this.named('po-again'), 'Succeeded');
    await this.expectOneRow();

    say('\n== 3 of 5 == The database is away: the task is tried again twice, then the run stops.');
    const failed = await this.order(this.named('po-database-down'), 'Failed', { DATABASE_URL: NOWHERE });
    this.expect('the run says why', /cannot be reached/.test(textAt(errorOf(failed), 'message')));
    this.expect('three attempts were made', attemptsOf(failed, 'create_table') === 3);

    say('\n== 4 of 5 == Previous and current runs: one still waits for the day of delivery.');
    await this.listRuns();

    say('\n== 5 of 5 == Every transition of the first run is a row in Postgres.');
    await this.showTransitions();
  }

  named(name: string): string {
    return `${name}-${this.tag}`;
  }

  async showTransitions(): Promise<void> {
    const file = join(EXAMPLE, 'transitions.yaml');
    const input = JSON.stringify({ run: this.named('po-first') });
    say(`\n$ npx oarlock run ${file} --input '${input}' -o json`);
    const name = this.named('po-transitions');
    const run = parse(await this.oarlock(['run', file, '--input', input, '--name', name, '-o', 'json'], {}, false));
    const rows = rowsOf(outputOf(run, 'transitions'));
    say('\n   SELECT node, "from", "to" FROM task_transitions');
    for (const row of rows)
      say(`   ${textAt(row, 'node').padEnd(16)} ${textAt(row, 'from').padEnd(8)} → ${textAt(row, 'to')}`);
    const ended = rows.filter((row) => textAt(row, 'from') === 'RUNNING' && textAt(row, 'to') === 'SUCCESS');
    this.expect('every task went from PENDING over RUNNING to SUCCESS', ended.length === 6);
  }

  /** One run to its end; its final status and what differs from what is expected. */
  async order(name: string, phase: string, env: NodeJS.ProcessEnv = {}): Promise<Json> {
    const prefix = env['DATABASE_URL'] === undefined ? '' : `DATABASE_URL=${env['DATABASE_URL']} `;
    say(`\n$ ${prefix}npx oarlock run purchase-order --input @${INPUT}`);
    const args = ['run', 'purchase-order', '--name', name, '--input', `@${INPUT}`, '-o', 'json'];
    const run = parse(await this.oarlock(args, env, false));
    const found = textAt(at(run, 'status'), 'phase');
    say(`\n   Final status: ${FINAL[found] ?? found}`);
    this.expect(`${name} ends as ${phase}`, found === phase);
    return run;
  }

  showAlert(): void {
    const alert = this.stage.disk.read(join(ROOT, ALERT));
    this.expect(`${ALERT} was written`, alert !== null);
    say(`\n$ cat ${ALERT}\n${alert?.toString() ?? ''}`);
    const words = parse(alert?.toString() ?? '');
    const keys = isObject(words) ? Object.keys(words).join() : '';
    this.expect('it has the agreed fields', keys === 'po_number,reasons,fields,timestamp');
  }

  async expectOneRow(): Promise<void> {
    const file = join(EXAMPLE, 'stored.yaml');
    say(`\n$ npx oarlock run ${file} -o json`);
    const name = this.named('po-rows');
    const run = parse(await this.oarlock(['run', file, '--name', name, '-o', 'json'], {}, false));
    const rows = rowsOf(outputOf(run, 'rows'));
    say(`\n   purchase_orders holds ${rows.length} row(s): ${JSON.stringify(rows)}`);
    this.expect(
      'the order has one row',
      rows.filter((row) => textAt(row, 'po_number') === 'PO-2025-0472').length === 1,
    );
  }

  async listRuns(): Promise<void> {
    const file = join(this.stage.state, 'demo-waiting.yaml');
    const tasks = '[{id: until_delivery, wait: {seconds: 3600}}]';
    const head = 'apiVersion: oarlock.dev/v1\nkind: Workflow\nmetadata: {name: delivery-check}\n';
    this.stage.disk.createNew(file, `${head}spec: {tasks: ${tasks}}\n`);
    const waiting = this.oarlock(['run', file, '--name', this.named('po-waiting')], {}, false);
    const isListed = new RegExp(`${this.named('po-waiting')}\\s.*Running`);
    await this.stage.until(async () => isListed.test(await this.quiet(['get', 'runs'])));
    say('\n$ npx oarlock get runs');
    const list = await this.oarlock(['get', 'runs']);
    this.expect('the list has runs that ended', list.includes(this.named('po-first')) && /Succeeded/.test(list));
    this.expect('and the one that goes on', isListed.test(list));
    await this.quiet(['cancel', this.named('po-waiting')]);
    await waiting;
  }

  expect(what: string, isSo: boolean): void {
    if (isSo) return;
    this.problems.push(what);
    say(`   NOT as it should be: ${what}`);
  }

  /** One call of the command line. What it says for people is shown; its data too, unless it is for us. */
  async oarlock(args: readonly string[], env: NodeJS.ProcessEnv = {}, isShown = true): Promise<string> {
    const { stdout } = await this.stage.oarlock(args, { shows: 'talk', env });
    if (isShown && stdout !== '') say(stdout.trimEnd());
    return stdout;
  }

  async quiet(args: readonly string[]): Promise<string> {
    return (await this.stage.oarlock(args, { shows: 'nothing' })).stdout;
  }
}

function rowsOf(output: Json | undefined): Json[] {
  return isObject(output) && Array.isArray(output['rows']) ? output['rows'] : [];
}

function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((found, name) => (isObject(found) ? found[name] : undefined), value);
}

function errorOf(run: Json): Json | undefined {
  return at(run, 'status', 'error');
}

function outputOf(run: Json, node: string): Json | undefined {
  return at(run, 'status', 'nodes', node, 'output');
}

function attemptsOf(run: Json, node: string): Json | undefined {
  return at(run, 'status', 'nodes', node, 'attempts');
}

async function main(): Promise<number> {
  const demo = new Demo();
  try {
    await demo.run();
  } finally {
    await demo.stage.clean();
  }
  say(
    demo.problems.length === 0
      ? '\nDemo: all as it should be.'
      : `\nDemo: NOT as it should be: ${demo.problems.join('; ')}`,
  );
  return demo.problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
