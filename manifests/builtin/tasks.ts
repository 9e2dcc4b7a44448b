// The functions behind the Tasks that every engine has: the three of the steps example.

export function task_a(): boolean {
  return run('A');
}

export function task_b(): boolean {
  return run('B');
}

export function task_c(): boolean {
  return run('C');
}

function run(name: string): boolean {
  process.stdout.write(`Running task ${name}\n`);
  return true;
}
