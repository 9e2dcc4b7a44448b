// Undoing in state machines: what the tasks that ended well have made is taken back when the run fails.

import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../kernel/task.ts';
import { runMachine } from '../../support/state-machine-run.ts';

const BOOK = {
  startAt: 'flight',
  states: {
    flight: { type: 'Task', resource: 'book', compensate: 'unbook', next: 'hotel' },
    hotel: { type: 'Task', resource: 'book', compensate: { resource: 'unbook' }, next: 'pay' },
    pay: { type: 'Task', resource: 'pay', end: true },
  },
};

function functions(undone: unknown[]): { [name: string]: (input: unknown) => Outcome } {
  let booked = 0;
  return {
    book: () => {
      booked += 1;
      return { result: 'Success', output: { booking: booked } };
    },
    unbook: (input) => {
      undone.push(input);
      return { result: 'Success' };
    },
    pay: () => ({ result: 'Failure', error: { type: 'PaymentError', message: 'no money' } }),
  };
}

describe('a state machine that fails', () => {
  test('undoes its tasks, the last first, each with its own output', async () => {
    const undone: unknown[] = [];
    const { run } = await runMachine({ definition: BOOK, input: {}, functions: functions(undone) });
    expect(undone).toEqual([{ booking: 2 }, { booking: 1 }]);
    expect(run.end).toMatchObject({ phase: 'Failed', error: { type: 'PaymentError' } });
    expect([...run.nodes.keys()].slice(3)).toEqual(['compensate/hotel', 'compensate/flight']);
  });
});
