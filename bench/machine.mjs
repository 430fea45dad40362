import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

const PACKAGES = ['xstate', 'libsql', '@nats-io/transport-node', 'msgpackr', 'zod'];
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x794c7630, 'overlayfs'],
  [0x01021994, 'tmpfs'],
  [0x1a, 'apfs'],
]);

export function versions(natsServer) {
  const versionOf = (folder) => JSON.parse(readFileSync(new URL(`../${folder}package.json`, import.meta.url))).version;
  const server = execFileSync(natsServer, ['--version'], { encoding: 'utf8' });
  return {
    rota: versionOf(''),
    node: process.versions.node,
    'nats-server': server.replace(/^.*v/, '').trim(),
    ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(`node_modules/${name}/`)])),
  };
}

/** `folder` is where the databases are: its disk is what durability costs. */
export function machine(folder) {
  const all = cpus();
  const kind = statfsSync(folder).type;
  return {
    cpu: all[0]?.model ?? 'unknown',
    cpus: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    fileSystem: FILE_SYSTEMS.get(kind) ?? `0x${kind.toString(16)}`,
    loadBefore: loadavg()[0],
  };
}
