// The ledger: what tasks did, told by the tasks themselves to a file outside the state directory. It knows nothing of the engine's
// journals, and so can contradict them.
//
// Owns: the task programs and the reading of what they wrote. Does not own: what should stand there (flows.ts, checks.ts).
//
// One file for each run, one write for each line, so the order of the lines is the order in which things happened:
//   start NODE ATTEMPT FENCE PID UPTIME
//   end NODE ATTEMPT FENCE PID UPTIME ok|fail
//   overlap NODE ATTEMPT FENCE PID UPTIME OTHERFENCE
// A task that starts looks for living processes of earlier attempts that have not ended, and says `overlap` when it finds one (I4).

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Entry {
  readonly word: 'start' | 'end' | 'overlap';
  readonly node: string;
  readonly attempt: number;
  readonly fence: string;
  readonly pid: number;
  readonly uptime: number;
  readonly rest: string;
}

/** Fails K times (`flaky`), always (`never`), hangs at its first start (`hang`), adds nodes (`grow`), or works (`ok`), after a pause in seconds. */
const SHELL_PROGRAM = (books: string): string => `#!/bin/sh
# task ok PAUSE | task flaky PAUSE TIMES | task never PAUSE | task hang PAUSE | task grow PAUSE NODE...
book='${books}'/$OARLOCK_RUN
say() {
read -r now idle </proc/uptime
printf '%s %s %s %s %s %s %s\\n' "$1" "$OARLOCK_NODE" "$OARLOCK_ATTEMPT" "$OARLOCK_FENCE" $$ "$now" "$2" >>"$book"
}
say start
starts=0
fails=0
unfinished=
ended=
while read -r word node attempt fence pid now rest; do
  [ "$node" = "$OARLOCK_NODE" ] || continue
  case "$word $rest" in
    start*) starts=$((starts + 1)); [ "$fence" = "$OARLOCK_FENCE" ] || unfinished="$unfinished $fence" ;;
    "end fail") fails=$((fails + 1)); ended="$ended $fence" ;;
    "end ok") ended="$ended $fence" ;;
  esac
done <"$book"
for fence in $unfinished; do
  case " $ended " in *" $fence "*) continue ;; esac
  for found in $(grep -lsaF "OARLOCK_FENCE=$fence" /proc/[0-9]*/environ); do
    # Another engine may be at the same fence just now. The key is that of this node of this run, on whatever machine.
    if grep -qsaF "OARLOCK_IDEMPOTENCY_KEY=$OARLOCK_IDEMPOTENCY_KEY" "$found"; then say overlap "$fence"; fi
  done
done
case $1 in
  hang) [ $starts -gt 1 ] || sleep 60 ;;
esac
sleep "$2"
case $1 in
  grow)
    shift 2
    asked=0
    for id; do
      asked=$((asked + 1))
      node='{"id":"'$id'","task":"work","dependencies":["'$OARLOCK_NODE'"]}'
      printf '{"jsonrpc":"2.0","id":%s,"method":"graph.change","params":{"nodes":[%s]}}\\n' $asked "$node"
      while read -r answer; do
        case $answer in
          '{"jsonrpc":"2.0","id":'$asked',"result":'*) break ;;
          '{"jsonrpc":"2.0","id":'$asked,*) say end fail; exit 1 ;;
        esac
      done
    done ;;
  flaky) if [ $fails -lt "$3" ]; then say end fail; exit 1; fi ;;
  never) say end fail; exit 1 ;;
esac
say end ok
`;

/** The same for functions: their process is a host that runs other attempts too, so life is told by pid and start time, not by a variable. */
const MODULE = (books: string): string => `
import { appendFileSync, readFileSync } from 'node:fs';
const ticks = (pid) => {
  try {
    const stat = readFileSync('/proc/' + pid + '/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /[ZXx]/.test(fields[0]) ? 'over' : fields[19];
  } catch { return 'gone'; }
};
const own = ticks(process.pid);
export async function work({ run, node, attempt, input }) {
  const book = '${books}/' + run;
  const fence = process.env.OARLOCK_FENCE;
  const say = (word, rest) => {
    const uptime = readFileSync('/proc/uptime', 'latin1').split(' ')[0];
    appendFileSync(book, [word, node, attempt, fence, process.pid, uptime, rest].join(' ') + '\\n');
  };
  say('start', own);
  const lines = readFileSync(book, 'utf8').split('\\n').map((line) => line.split(' ')).filter((line) => line[1] === node);
  const ended = new Set(lines.filter(([word]) => word === 'end').map((line) => line[3]));
  for (const [word, , , other, pid, , started] of lines)
    if (word === 'start' && other !== fence && !ended.has(other) && ticks(pid) === started) say('overlap', other);
  const fails = lines.filter(([word, , , , , , rest]) => word === 'end' && rest === 'fail').length;
  await new Promise((resolve) => setTimeout(resolve, input.pauseMs));
  if (fails < (input.fails ?? 0)) { say('end', 'fail'); return false; }
  say('end', 'ok');
  return { fails };
}
`;

export class Ledger {
  readonly #books: string;
  /** The program for `command` and `exec`, and the module for `call`. */
  readonly program: string;
  readonly module: string;

  constructor(directory: string) {
    this.#books = join(directory, 'ledger');
    this.program = join(directory, 'task');
    this.module = join(directory, 'task.mjs');
    mkdirSync(this.#books);
    writeFileSync(this.program, SHELL_PROGRAM(this.#books));
    chmodSync(this.program, 0o755);
    writeFileSync(this.module, MODULE(this.#books));
  }

  runs(): string[] {
    return readdirSync(this.#books);
  }

  /** All that tasks of a run said, in the order in which it happened. */
  read(run: string): Entry[] {
    let text: string;
    try {
      text = readFileSync(join(this.#books, run), 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').slice(0, -1).map(parseEntry);
  }
}

function parseEntry(line: string): Entry {
  const [word = '', node = '', attempt, fence = '', pid, uptime, rest = ''] = line.split(' ');
  if (word !== 'start' && word !== 'end' && word !== 'overlap') throw new Error(`ledger: found the line "${line}"`);
  return { word, node, attempt: Number(attempt), fence, pid: Number(pid), uptime: Number(uptime), rest };
}
