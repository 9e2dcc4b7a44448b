// The demo behind `npm run demo:order`: the order workflow (manifests/examples/order-processing) through the real command line, once for
// every way in which an order can end, in a temporary state directory that it removes at the end.
//
// Exits with 0 only if every order ended as it should.

import { join } from 'node:path';
import { isObject, type Json, textAt } from '../../kernel/json.ts';
import { EXAMPLES, say, Stage, statusIn, STOPPED } from './stage.ts';

interface Order {
  readonly title: string;
  readonly input: string;
  readonly phase: string;
  readonly error: string;
  /** States that were visited, in order. */
  readonly path: readonly string[];
}

const RESERVED = ['validate_order', 'check_inventory', 'inventory_decision', 'reserve_inventory'];
const FAILED = 'OrderProcessingFailed';

const ORDERS: readonly Order[] = [
  {
    title: 'All is well.',
    input: 'success',
    phase: 'Succeeded',
    error: '',
    path: [...RESERVED, 'process_payment', 'fulfill_order', 'order_success'],
  },
  {
    title: 'Not in stock: the choice leads to notify_backorder.',
    input: 'backorder',
    phase: 'Failed',
    error: FAILED,
    path: ['validate_order', 'check_inventory', 'inventory_decision', 'notify_backorder', 'order_failed'],
  },
  {
    title: 'The card is declined: two retries, then the payment is reversed.',
    input: 'payment-failed',
    phase: 'Failed',
    error: FAILED,
    path: [...RESERVED, 'process_payment', 'payment_failed', 'order_failed'],
  },
  {
    title: 'The service is away twice and then answers: the third attempt is fine.',
    input: 'retry-recovers',
    phase: 'Succeeded',
    error: '',
    path: [...RESERVED, 'process_payment', 'fulfill_order', 'order_success'],
  },
  {
    title: 'An order without items: three retries, then ValidationError is caught.',
    input: 'validation-error',
    phase: 'Failed',
    error: FAILED,
    path: ['validate_order', 'order_failed'],
  },
  {
    title: 'The warehouse does not answer: the time limit of reserve_inventory ends it after 30 s. Please wait.',
    input: 'timeout',
    phase: 'Failed',
    error: 'Timeout',
    path: RESERVED,
  },
];

const EXAMPLE = join(EXAMPLES, 'order-processing');

/** What is not as it should be; empty when all is well. */
function differences(order: Order, status: Json | undefined): string[] {
  const nodes = isObject(status) && isObject(status['nodes']) ? Object.keys(status['nodes']) : [];
  const found: string[] = [];
  const phase = textAt(status, 'phase');
  const error = textAt(isObject(status) ? status['error'] : undefined, 'type');
  if (phase !== order.phase) found.push(`phase is "${phase}", expected ${order.phase}`);
  if (error !== order.error) found.push(`error is "${error}", expected "${order.error}"`);
  if (nodes.join() !== order.path.join())
    found.push(`way is ${nodes.join(' -> ')}, expected ${order.path.join(' -> ')}`);
  return found;
}

async function main(): Promise<number> {
  const stage = new Stage();
  say(`The order workflow: ${ORDERS.length} orders, each with another end. The same commands work without the demo.`);
  let good = 0;
  try {
    for (const file of ['tasks.yaml', 'workflow.yaml']) await stage.oarlock(['apply', '-f', join(EXAMPLE, file)]);
    for (const [index, order] of ORDERS.entries()) {
      const input = join(EXAMPLE, 'inputs', `${order.input}.json`);
      say(`\n== ${index + 1} of ${ORDERS.length} == ${order.title}\n`);
      say(`$ npx oarlock run order_processing_workflow --input @${input}`);
      const args = ['run', 'order_processing_workflow', '--name', `order-${order.input}`, '--input', `@${input}`];
      const { stdout } = await stage.oarlock([...args, '-o', 'json'], { shows: 'talk' });
      if (stage.isStopped) return STOPPED;
      const problems = differences(order, statusIn(stdout));
      if (problems.length === 0) {
        say(`\n   As it should be: ${order.phase}${order.error === '' ? '' : ` with ${order.error}`}.`);
        good += 1;
      }
      for (const problem of problems) say(`\n   NOT as it should be: ${problem}`);
    }
  } finally {
    await stage.clean();
  }
  say(`\nDemo: ${good} of ${ORDERS.length} orders ended as they should.`);
  return good === ORDERS.length ? 0 : 1;
}

process.exitCode = await main();
