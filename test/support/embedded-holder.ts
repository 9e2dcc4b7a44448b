// A process that holds the embedded server of a state directory, for tests that kill it: says the address once it has it, and waits.
//
//   embedded-holder.ts STATE_DIR

import { embeddedPostgres } from '../../store/postgres/embedded.ts';

const server = await embeddedPostgres(process.argv[2] ?? '');
process.stdout.write(`${JSON.stringify(server.url)}\n`);
setInterval(() => undefined, 1_000);
