import { describe, expect, test } from 'vitest';
import { EventOrder, type Numbered } from '../../../store/event-order.ts';

/** `2@3` is event 2 of epoch 3; `2@3<1` also says that the event before it is of epoch 1. */
function line(text: string): Numbered {
  const match = /^(\d+)@(\d+)(?:<(\d+))?$/.exec(text);
  if (match === null) throw new Error(`line "${text}": expected SEQ@EPOCH or SEQ@EPOCH<FOLLOWS`);
  const [, seq, epoch, follows] = match;
  return { seq: Number(seq), epoch: Number(epoch), ...(follows === undefined ? {} : { follows: Number(follows) }) };
}

interface Case {
  readonly name: string;
  readonly lines: string;
  /** What counts in the end; or the line that is corrupt. */
  readonly counts?: string;
  readonly corrupt?: string;
}

const cases: readonly Case[] = [
  { name: 'lines of one writer count in their order', lines: '1@1<0 2@1 3@1', counts: '1@1 2@1 3@1' },
  { name: 'a newer writer goes on behind the last event', lines: '1@1<0 2@1 3@2<1', counts: '1@1 2@1 3@2' },
  { name: 'a writer may open again under its epoch', lines: '1@1<0 2@1<1', counts: '1@1 2@1' },
  { name: 'a late line of an older epoch is ignored', lines: '1@1<0 2@2<1 2@1 3@1 3@2', counts: '1@1 2@2 3@2' },
  {
    name: 'lines that came between reading and writing of the newer writer are void',
    lines: '1@1<0 2@1 3@1 2@2<1 3@2',
    counts: '1@1 2@2 3@2',
  },
  { name: 'also when nothing was there when it read', lines: '1@1<0 2@1 1@2<0', counts: '1@2' },
  {
    name: 'a writer that skips an epoch voids two',
    lines: '1@1<0 2@1 2@2<1 3@2 2@3<1',
    counts: '1@1 2@3',
  },
  { name: 'a gap is corrupt', lines: '1@1<0 3@1', corrupt: '3@1' },
  { name: 'a repetition is corrupt', lines: '1@1<0 2@1 2@1', corrupt: '2@1' },
  { name: 'a newer epoch that does not say what it follows is corrupt', lines: '1@1<0 2@2', corrupt: '2@2' },
  { name: 'a newer epoch that follows another history is corrupt', lines: '1@1<0 2@2<1 3@3<1', corrupt: '3@3' },
  { name: 'a newer epoch behind a gap is corrupt', lines: '1@1<0 3@2<1', corrupt: '3@2' },
  { name: 'a newer epoch that reaches before the first event is corrupt', lines: '1@1<0 0@2<0', corrupt: '0@2' },
];

describe('the order of events', () => {
  test.each(cases)('$name', ({ lines, counts, corrupt }) => {
    const order = new EventOrder(0, 0);
    let bad: string | undefined;
    for (const text of lines.split(' ')) {
      if (order.accept(line(text)) === 'corrupt') {
        bad = text.replace(/<.*/, '');
        break;
      }
    }
    expect(bad).toBe(corrupt);
    if (counts !== undefined) expect(order.lines.map(({ seq, epoch }) => `${seq}@${epoch}`).join(' ')).toBe(counts);
  });

  test('begins behind an event whose epoch is known', () => {
    const order = new EventOrder(5, 2);
    expect(order.accept(line('6@3<1'))).toBe('corrupt');
    expect(order.accept(line('6@3<2'))).toBe('counts');
    expect(order.accept(line('7@2'))).toBe('ignored');
    expect([order.lastSeq, order.lastEpoch, order.epochOf(5), order.epochOf(6)]).toEqual([6, 3, 2, 3]);
  });
});
