// A command in a slot means what `sh -c` makes of it: exit code, output and environment are compared with a real `sh -c`, for a table of
// commands that try to see the difference, and for generated ones.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../kernel/task.ts';
import { Disk } from '../../store/file/disk.ts';
import type { FileLeases } from '../../store/file/leases.ts';
import { baseEnvironment, prepareJob } from '../../worker/job.ts';
import { wayOf } from '../../worker/keeper.ts';
import { Slot } from '../../worker/slot.ts';
import { fenceOf, settledLease, SlotPlace, WORKER } from '../support/slot-place.ts';

interface Seen {
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly files: readonly string[];
}

let place: SlotPlace;
let leases: FileLeases;
let slot: Slot;
let counter = 0;

beforeAll(() => {
  place = new SlotPlace();
  leases = place.leases();
  fs.mkdirSync(place.paths.inbox(WORKER), { recursive: true });
  slot = Slot.shell({
    processes: place.processes,
    inbox: place.paths.inbox(WORKER),
    env: baseEnvironment(process.env),
    onDone: () => undefined,
  });
});

afterAll(async () => {
  slot.close();
  await slot.exited;
  place.dispose();
});

const ENV = { GREETING: 'it\'s "here" $HOME `id` \\ \n 2nd line', EMPTY: '', LANG: 'C' };

async function inSlot(command: string, env: Record<string, string> = ENV): Promise<Seen> {
  counter += 1;
  const directory = fs.mkdtempSync(join(place.root, 'work-'));
  const offer = place.offer(counter, { type: 'command', command }, { env, workingDir: directory });
  await leases.offer(WORKER, offer);
  await leases.claim(WORKER, offer.fence, slot.token);
  const job = prepareJob(offer, leases.places(WORKER, offer.fence, slot.token), new Disk(), process.env);
  if ('type' in job) throw new Error(job.message);
  slot.run(job);
  const own = counter;
  const { outcome } = await settledLease(leases, own);
  await leases.clear(WORKER, [fenceOf(own)]);
  return seen(exitCodeOf(outcome?.outcome), place.readLog(own), directory);
}

function inShell(command: string, env: Record<string, string> = ENV): Seen {
  const directory = fs.mkdtempSync(join(place.root, 'work-'));
  const offer = place.offer(counter, { type: 'command', command }, { env, workingDir: directory });
  const job = prepareJob(offer, leases.places(WORKER, offer.fence, slot.token), new Disk(), process.env);
  if ('type' in job) throw new Error(job.message);
  const log = join(place.root, 'reference.log');
  const handle = fs.openSync(log, 'a+');
  fs.ftruncateSync(handle);
  const { status, signal } = spawnSync('/bin/sh', ['-c', command], {
    cwd: directory,
    env: { ...baseEnvironment(process.env), PWD: directory, ...job.env },
    stdio: ['ignore', handle, handle],
  });
  fs.closeSync(handle);
  const exitCode = status ?? { SIGTERM: 143, SIGKILL: 137, SIGINT: 130, SIGSEGV: 139, SIGUSR1: 138 }[signal as string];
  return seen(exitCode, fs.readFileSync(log, 'utf8'), directory);
}

function exitCodeOf(outcome: Outcome | undefined): number | undefined {
  return outcome !== undefined && 'exitCode' in outcome ? outcome.exitCode : undefined;
}

function seen(exitCode: number | undefined, output: string, directory: string): Seen {
  const files = fs
    .readdirSync(directory)
    .sort()
    .map((name) => `${name}: ${fs.readFileSync(join(directory, name), 'utf8')}`);
  fs.rmSync(directory, { recursive: true });
  const plain = output
    .replaceAll(directory, 'DIR')
    // A shell names itself and the line in its own messages; through `eval` it adds that word.
    .replace(/^(\/bin\/)?sh: \d+: (eval: |exec: )?/gm, 'sh: ')
    .replace(/^(OARLOCK_FENCE=|OARLOCK_NODE=|OARLOCK_IDEMPOTENCY_KEY=|OARLOCK_OUTPUT=).*$/gm, '$1');
  return { exitCode, output: plain, files };
}

/** What runs in the background writes when it likes. */
function sorted(one: Seen): object {
  return { ...one, output: one.output.split('\n').sort() };
}

const COMMANDS: readonly string[] = [
  // What comes out, and how it ends.
  'true',
  'false',
  'exit 7',
  'echo one; echo two >&2; echo three',
  'exit',
  'false; exit',
  'false\n',
  '',
  '   ',
  '# nothing',
  ':',
  'echo a\\tb; printf "%s\\n" a b',
  'echo \'single\' "double $GREETING" plain',
  'echo "$GREETING"',
  'printf %s "$EMPTY" | wc -c',
  'echo naïve – 漢字 🚣 > out.txt; cat out.txt',
  'nosuchcommand',
  'nosuchcommand with args',
  './nosuchfile',
  '/etc/passwd',
  'echo "unterminated',
  'if true; then echo yes',
  'echo $((1 + 2 * 3)) $((1 / 0))',
  'echo ${UNSET:-default} ${UNSET-}${GREETING:+set}',
  'echo ${UNSET?is not set}; echo not reached',
  'x=1; x=$((x + 1)); echo $x',
  'for i in 1 2 3; do echo $i; done',
  'i=0; while [ $i -lt 3 ]; do i=$((i + 1)); echo $i; done',
  'case abc in a*) echo match;; *) echo none;; esac',
  'f() { echo "in f"; false; }; f; echo $?',
  'f() { return 3; }; f; echo $?; f',
  '! true; echo $?',
  'true && echo and || echo or',
  'echo $?',
  'false; echo $?',
  '(exit 4); echo $?',
  '(echo sub; exit 5)',
  '{ echo group; exit 6; }',
  'echo a | tr a b | sed s/b/c/',
  'false | true; echo $?',
  'exit 300',
  'exit -1',
  'cat',
  'read x; echo "read: $? $x"',
  'cat <<EOF\nhere $GREETING\nEOF',
  "cat <<'EOF'\nhere $GREETING\nEOF",
  'echo data > file; cat < file; ls',
  'echo a >> log; echo b >> log',
  'echo a > x; echo b > x; ls',
  'cat < missing; echo $?',
  'echo to-nowhere > /nonexistent/x; echo $?',
  'exec > out.txt; echo redirected',
  'exec nosuchcommand',
  'exec echo replaced',
  'exec /bin/sh -c "exit 9"',
  'command -v sh >/dev/null; echo $?',
  'type echo',
  'mkdir sub; cd sub; pwd; cd ..; rmdir sub; pwd',
  'cd /; pwd; echo $OLDPWD',
  'cd /nonexistent; echo $?',
  'pwd; echo $PWD',
  '. ./missing; echo not reached',
  'echo "echo sourced; x=5" > s.sh; . ./s.sh; echo $x',
  'eval "echo evaluated; exit 3"',
  "printf '#!/bin/sh\\nexit 12\\n' > s.sh; chmod +x s.sh; ./s.sh",
  "printf 'exit 13\\n' > s.sh; chmod +x s.sh; ./s.sh",
  'touch plain.txt; ./plain.txt',
  // What a shell has of its own.
  'echo "$0 $# [$@] [$*] [$1]"',
  'set -- a b; echo $1 $#; shift; echo $1',
  'set | grep -c oarlock__',
  'set -e; false; echo not reached',
  'set -u; echo $UNSET; echo not reached',
  'set -C; echo 1 > x; echo 2 > x; echo $?',
  'echo 1 > x; echo 2 > x; cat x',
  'echo $- | tr -d c',
  'export A=1; sh -c "echo $A"; env | grep ^A=',
  'export -p | grep -c oarlock',
  'unset HOME; echo "[$HOME]"; cd; pwd',
  'alias',
  'trap',
  "trap 'echo bye' EXIT; echo hi",
  "trap 'echo caught' TERM; kill -TERM $$; echo after",
  'umask; touch f; stat -c %a f',
  'umask 027; umask; touch f; stat -c %a f',
  'ulimit -n >/dev/null; echo $?',
  'times >/dev/null; echo $?',
  'jobs; echo $?',
  'wait; echo $?',
  'sleep 0.01 & wait; echo done',
  'sleep 0.01 & wait $!; echo $?',
  '(exit 3) & wait $!; echo $?',
  'false & true',
  'getopts ab opt; echo $?',
  'hash; echo $?',
  'local x=1; echo $?',
  'return 5; echo after',
  'break; echo after',
  'readonly R=1; R=2; echo after',
  'echo "$LINENO"',
  'true\n\necho "$LINENO"',
  '[ "$$" -gt 1 ] && echo pid',
  '[ "$(sh -c \'echo $PPID\')" = "$$" ] && echo parent',
  'w=set; $w -- q; echo $1',
  '"ec""ho" joined',
  '\\echo escaped',
  '$(echo echo) computed',
  '`echo echo` computed',
  'IFS=,; x=a,b; echo $x',
  'PATH=/nonexistent; ls',
  'PATH=/nonexistent nosuch; echo $?; ls >/dev/null; echo $?',
  'A=1 B=2 env | grep "^[AB]="',
  'A=1 nosuchcommand',
  'A=1; env | grep -c "^A="',
  // What it finds around it.
  'env | sort',
  'sort </dev/null; ls -l /proc/self/fd | wc -l',
  'readlink /proc/self/fd/0',
  'id -u',
  'echo "$OARLOCK_ATTEMPT $OARLOCK_RUN"',
  'kill -TERM $$',
  'kill -KILL $$',
  'sh -c "kill -SEGV \\$\\$"',
  'sh -c "kill -USR1 \\$\\$"; exit 1',
  'dd if=/dev/zero bs=1000 count=100 2>/dev/null | wc -c',
  'yes | head -3',
  'yes 2>/dev/null | head -1 >/dev/null; echo $?',
  `echo ${'x'.repeat(20_000)} | wc -c`,
  'oarlock__end; echo $?',
  'echo "[$oarlock__s$oarlock__l]"',
  'sleep 0.01',
  'ls -la missing',
  'test -e .; echo $?',
  'printf %d 3x; echo; echo $?',
  'echo *; touch a b; echo *',
  'echo ~ | grep -c /',
  'echo {a,b}',
  'x="a b"; echo $x "$x"',
  'time true 2>/dev/null',
];

describe('a command in a slot', () => {
  test.each(COMMANDS.map((command) => ({ command })))('means what sh -c makes of it: $command', async ({ command }) => {
    expect(await inSlot(command)).toEqual(inShell(command));
  });

  test('is mostly run without a shell of its own, or this table proves nothing', () => {
    const ways = COMMANDS.map((command) => wayOf(command, ENV));
    expect(ways.filter((way) => way === 'eval').length).toBeGreaterThan(50);
    expect(ways.filter((way) => way === 'exec').length).toBeGreaterThan(5);
  });

  test('has a hundred thousand bytes and more, by the shell itself', async () => {
    const command = `x='${'y'.repeat(300_000)}'; echo "$x" | wc -c`;
    expect(wayOf(command, {})).toBe('eval');
    expect((await inSlot(command)).output).toBe('300001\n');
  });

  test.each([
    { name: 'IFS', value: ',' },
    { name: 'PS4', value: '+ ' },
    { name: 'OPTIND', value: '7' },
    { name: 'CDPATH', value: '/' },
    { name: 'ENV', value: '/nonexistent' },
    { name: 'PATH', value: '/usr/bin:/bin' },
    { name: 'HOME', value: '/nowhere' },
  ])('sees a variable that shells use themselves as sh -c does: $name', async ({ name, value }) => {
    const command = 'x=a,b; echo $x; cd tmp 2>/dev/null; pwd; env | sort; cd; echo $?';
    const env = { ...ENV, [name]: value };
    expect(await inSlot(command, env)).toEqual(inShell(command, env));
  });

  // Without pipes: whether the left side still writes when the right one has gone is chance in any shell.
  test('means the same when it is put together at random', async () => {
    const word = fc.constantFrom(
      'a',
      '"b c"',
      "'d e'",
      '$x',
      '"$x"',
      '${y:-z}',
      '$?',
      '$(echo q)',
      '$((1+1))',
      '*',
      '\\$x',
      '"$GREETING"',
    );
    const simple = fc.oneof(
      fc.constantFrom(
        'true',
        'false',
        ':',
        'exit 3',
        'x=1',
        'x="p q"',
        'cd /',
        'nosuch',
        'cat',
        '[ -n "$x" ]',
        'sh -c "exit 4"',
        'f',
        'return 2',
        'echo out > file',
        'cat file',
        'set -e',
        'sleep 0 &',
      ),
      fc
        .tuple(fc.constantFrom('echo', "printf '%s.\\n'"), fc.array(word, { maxLength: 3 }))
        .map(([name, words]) => [name, ...words].join(' ')),
    );
    const { command } = fc.letrec<{ command: string }>((tie) => ({
      command: fc.oneof(
        { maxDepth: 3 },
        simple,
        fc
          .tuple(tie('command'), fc.constantFrom('; ', ' && ', ' || ', '\n'), tie('command'))
          .map((parts) => parts.join('')),
        tie('command').map((inner) => `(${inner}\n)`),
        tie('command').map((inner) => `{ ${inner}\n}`),
        tie('command').map((inner) => `! { ${inner}\n}`),
        fc.tuple(tie('command'), tie('command')).map(([test_, then]) => `if ${test_}\nthen ${then}\nfi`),
        tie('command').map((inner) => `for x in 1 2; do ${inner}\ndone`),
        tie('command').map((inner) => `f() { ${inner}\n}`),
        tie('command').map((inner) => `echo "$(${inner}\n)"`),
      ),
    }));
    const tame = command.filter(
      (text) =>
        !/f\(\) \{[^}]*\bf\b/s.test(text) &&
        !text.includes('sleep 0 & &') &&
        !/&\s*[|;&\n]/.test(text.replaceAll('&&', '')),
    );
    await fc.assert(
      fc.asyncProperty(tame, async (text) => {
        expect(sorted(await inSlot(text))).toEqual(sorted(inShell(text)));
      }),
      { numRuns: 250 },
    );
  });
});

describe('an argument list in a slot', () => {
  test('reaches the program word by word, without a shell', async () => {
    counter += 1;
    const words = ['a b', "it's", '$HOME', '*', '', '`id`', '\n', '-n', '漢字'];
    const offer = place.offer(counter, { type: 'exec', argv: ['printf', '[%s]', ...words] });
    await leases.offer(WORKER, offer);
    await leases.claim(WORKER, offer.fence, slot.token);
    const job = prepareJob(offer, leases.places(WORKER, offer.fence, slot.token), new Disk(), process.env);
    if ('type' in job) throw new Error(job.message);
    slot.run(job);
    await settledLease(leases, counter);
    expect(place.readLog(counter)).toBe(words.map((word) => `[${word}]`).join(''));
  });
});
