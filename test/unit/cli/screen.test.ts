import { expect, test } from 'vitest';
import { Screen } from '../../../cli/output/screen.ts';
import { FakeTerminal } from '../../support/terminal.ts';

test('a region is drawn again in place', () => {
  const terminal = new FakeTerminal(20, 10);
  const screen = new Screen(terminal);
  screen.draw(['one', 'two']);
  screen.draw(['uno', 'dos', 'tres']);
  screen.draw(['last']);
  expect(terminal.text).toBe('last');
});

test('lines are printed above the region and stay', () => {
  const terminal = new FakeTerminal(20, 10);
  const screen = new Screen(terminal);
  screen.draw(['region']);
  screen.print(['first', 'second']);
  screen.draw(['region']);
  screen.print(['third']);
  screen.draw(['changed']);
  expect(terminal.text).toBe('first\nsecond\nthird\nchanged');
});

test('more lines than the screen is high leave no rubbish behind', () => {
  const terminal = new FakeTerminal(20, 5);
  const screen = new Screen(terminal);
  for (let number = 1; number <= 12; number += 1) {
    screen.print([`line ${number}`]);
    screen.draw(['a', 'b', `c${number}`]);
  }
  const above = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`);
  expect(terminal.text).toBe([...above, 'a', 'b', 'c12'].join('\n'));
});

test('a drawing is one write, and the cursor comes back at the end', () => {
  const terminal = new FakeTerminal();
  const screen = new Screen(terminal);
  screen.print(['x']);
  screen.draw(['a', 'b']);
  expect(terminal.writes).toBe(1);
  expect(terminal.isCursorShown).toBe(false);
  screen.close();
  expect(terminal.isCursorShown).toBe(true);
  expect(terminal.text).toBe('x\na\nb');
});

test('lines that have become wider than the screen are counted with its new width', () => {
  const terminal = new FakeTerminal(10, 10);
  const screen = new Screen(terminal);
  // As after a resize: the terminal has broken the line into two rows.
  screen.draw(['0123456789abc']);
  screen.draw(['short']);
  expect(terminal.text).toBe('short');
});
