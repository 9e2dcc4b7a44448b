import { describe, expect, test } from 'vitest';
import { createLog, type LogOptions } from '../../../runtime/log.ts';

function logged(options: LogOptions, body: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  body(createLog({ wall: () => Date.UTC(2030, 0, 1), write: (line) => void lines.push(line), ...options }));
  return lines;
}

describe('the log', () => {
  test('says one plain line, with fields quoted where they need it', () => {
    const lines = logged({}, (log) =>
      log.warn('a slot died', { worker: 'w1', reason: 'killed by "kill"', fence: undefined, count: 3 }),
    );
    expect(lines).toEqual([
      '2030-01-01T00:00:00.000Z WARN  a slot died worker=w1 reason="killed by \\"kill\\"" count=3\n',
    ]);
  });

  test('says one JSON object a line for machines', () => {
    const lines = logged({ format: 'json' }, (log) => log.with({ worker: 'w1' }).error('failed', { error: 'a\nb' }));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time: '2030-01-01T00:00:00.000Z', level: 'error', message: 'failed', worker: 'w1', error: 'a\nb' },
    ]);
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
  });

  test('never makes two lines of one, whatever a task or a file put into it', () => {
    const [line = ''] = logged({}, (log) => log.info('one\r\n2030-01-01 ERROR two', { path: 'a\nb' }));
    expect(line.trimEnd()).not.toMatch(/[\r\n]/);
  });

  test('leaves out what is below its level', () => {
    expect(logged({ level: 'warn' }, (log) => log.info('quiet'))).toEqual([]);
    expect(logged({}, (log) => log.debug('quiet'))).toEqual([]);
    expect(logged({ level: 'debug' }, (log) => log.debug('said'))).toHaveLength(1);
  });
});
