// Planted bugs: were one of these in the table, the properties of futures.property.test.ts would say so.

import { expect, test } from 'vitest';
import { Form } from '../../../../kernel/promises/form.ts';
import { Rule } from '../../../../kernel/promises/rule.ts';
import { Spots } from '../../../../kernel/promises/spots.ts';
import { Table } from '../../../../kernel/promises/table.ts';
import { verdict } from '../../../support/promise-oracle.ts';
import { uncovered } from '../../../support/promise-picture.ts';
import { play } from '../../../support/promise-play.ts';
import { plainOf } from '../../../support/promise-world.ts';

const PLAYS = 1500;

/** Is there a play in which checker, oracle and picture do not agree? */
function isCaught(): boolean {
  let seed = 1;
  const next = (): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed >> 8;
  };
  for (let count = 0; count < PLAYS; count += 1) {
    let isBad = false;
    const numbers = Array.from({ length: 120 }, next);
    play(numbers, ({ driver: { run }, asked, picture }) => {
      if (isBad) return;
      const plain = plainOf(run);
      isBad = asked.some(
        ({ change, answer }) =>
          verdict(plain, change) !== answer || (answer === 'yes' && uncovered(picture, plain, change) !== null),
      );
    });
    if (isBad) return true;
  }
  return false;
}

/** Replaces a method while `act` runs. */
function planted<Name extends string>(
  target: { [name in Name]: unknown },
  name: Name,
  bug: (real: (...args: never[]) => unknown) => unknown,
  act: () => void,
): void {
  const real = Object.getOwnPropertyDescriptor(target, name) as PropertyDescriptor & {
    value: (...args: never[]) => unknown;
  };
  Object.defineProperty(target, name, { ...real, value: bug(real.value) });
  try {
    act();
  } finally {
    Object.defineProperty(target, name, real);
  }
}

const MUTANTS: readonly (readonly [string, object, string, (real: (...args: never[]) => unknown) => unknown])[] = [
  ['a form allows every edge', Form.prototype, 'allows', () => () => true],
  ['a node need not be tied to its neighbours', Form.prototype, 'neighbours', () => () => [][Symbol.iterator]()],
  [
    'there is room for one more',
    Rule.prototype,
    'roomFor',
    (real) =>
      function (this: Rule, id: string) {
        const room = Reflect.apply(real, this, [id]) as number | null;
        return room === null ? null : room + 1;
      },
  ],
  ['edges are not looked at', Rule.prototype, 'refusesEdge', () => () => null],
  ['nodes are not looked at', Rule.prototype, 'refusesNode', () => () => null],
  ['promises bind nobody', Table.prototype, 'rulesFor', () => () => []],
  ['a node that has started may be preceded', Table.prototype, 'isStarted', () => () => false],
  [
    'the picture forgets a place',
    Spots.prototype,
    'of',
    (real) =>
      function (this: Spots, ...args: never[]) {
        return (Reflect.apply(real, this, args) as unknown[]).slice(1);
      },
  ],
];

test.each(MUTANTS)('it would be noticed that %s', { timeout: 120_000 }, (_name, target, name, bug) => {
  planted(target as { [name: string]: unknown }, name, bug, () => expect(isCaught()).toBe(true));
});
