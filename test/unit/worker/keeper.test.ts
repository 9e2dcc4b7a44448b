import { describe, expect, test } from 'vitest';
import { quoteShell, type Way, wayOf } from '../../../worker/keeper.ts';

describe('the way a command runs', () => {
  const cases: readonly { command: string; way: Way }[] = [
    { command: './script.sh', way: 'exec' },
    { command: 'python3 train.py --epochs=3 data/a.csv', way: 'exec' },
    { command: 'sleep 5', way: 'exec' },
    { command: 'true', way: 'eval' },
    { command: 'echo hello', way: 'eval' },
    { command: 'echo "$GREETING" > out.txt && ls | wc -l', way: 'eval' },
    { command: 'for i in 1 2; do echo $i; done', way: 'eval' },
    { command: 'false; echo $?', way: 'eval' },
    { command: 'A=1 ls', way: 'eval' },
    { command: 'echo $$', way: 'sh' },
    { command: 'echo ${1}', way: 'sh' },
    { command: 'echo "${#}"', way: 'sh' },
    { command: 'set -e; ./a; ./b', way: 'sh' },
    { command: 'trap "rm x" EXIT', way: 'sh' },
    { command: 'exec ./server', way: 'sh' },
    { command: '. ./env.sh', way: 'sh' },
    { command: 'cat <<EOF\nx\nEOF', way: 'sh' },
    { command: 'export -p', way: 'sh' },
    { command: 'export A=1; ./run', way: 'eval' },
    { command: '$PROGRAM --flag', way: 'sh' },
    { command: 'true && "$PROGRAM"', way: 'sh' },
    { command: 'A=1 $PROGRAM', way: 'sh' },
    { command: 'echo a\u0001b', way: 'sh' },
    { command: 'echo oarlock__end', way: 'sh' },
    { command: './settings.sh --unset-all', way: 'exec' },
    { command: '-x', way: 'eval' },
  ];
  test.each(cases)('$way: $command', ({ command, way }) => {
    expect(wayOf(command, {})).toBe(way);
  });

  test.each(['IFS', 'PS4', 'OPTIND', 'PWD', 'LD_PRELOAD', 'ENV', 'BASH_ENV'])(
    'a shell of its own when the task sets %s',
    (name) => {
      expect(wayOf('echo hello', { [name]: 'x' })).toBe('sh');
      expect(wayOf('echo hello', { [`MY_${name}`]: 'x' })).toBe('eval');
    },
  );

  test.each([';a=', '\n', ' ', 'a=1 ', '(', ';', 'x ', '"', '$', 'then ', 'a', 'if if ', '<', 'export ', '. '])(
    'is found in linear time, also in 200 KB of %j',
    (piece) => {
      wayOf(piece.repeat(Math.ceil(200_000 / piece.length)), {});
      wayOf(`x${piece.repeat(Math.ceil(200_000 / piece.length))}`, {});
    },
  );
});

describe('quoting', () => {
  test.each([
    ['', "''"],
    ["it's", "'it'\\''s'"],
    ['$x `y` "z" \\ \n', '\'$x `y` "z" \\ \n\''],
  ])('%j', (value, quoted) => {
    expect(quoteShell(value)).toBe(quoted);
  });
});
