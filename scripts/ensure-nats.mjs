// Makes sure that the tests and benchmarks have a nats-server: finds one, or installs the system's package.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findNatsServer } from '#rota/launch/nats-server.js';

const { NATS_SERVER_BIN: bin, PATH: path } = process.env;

/** Runs a command; its output is shown only when it fails. */
function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function installWithApt() {
  const root = process.getuid?.() === 0;
  const asRoot = (command, ...args) => (root ? run(command, args) : run('sudo', ['-n', command, ...args]));
  asRoot('apt-get', 'update', '-q');
  asRoot(
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    'install',
    '-qy',
    '--no-install-recommends',
    'nats-server',
  );
  // The package starts a server of its own, with an open port, where systemd runs: only the binary is wanted.
  if (existsSync('/run/systemd/system')) asRoot('systemctl', 'disable', '--now', 'nats-server.service');
}

const INSTALLERS = [
  {
    name: 'apt-get',
    usable: () => works('apt-get', ['--version']) && (process.getuid?.() === 0 || works('sudo', ['-n', 'true'])),
    install: installWithApt,
  },
  {
    name: 'brew',
    usable: () => works('brew', ['--version']),
    install: () => run('brew', ['install', '--quiet', 'nats-server']),
  },
];

function stop(reason) {
  console.error(
    `${reason} Install it with "sudo apt-get install nats-server" or "brew install nats-server", ` +
      'or set NATS_SERVER_BIN to the path of one.',
  );
  process.exit(1);
}

if (findNatsServer({ bin, path }) === undefined) {
  if (bin) stop(`NATS_SERVER_BIN is ${JSON.stringify(bin)}, which is no executable.`);
  const installer = INSTALLERS.find(({ usable }) => usable());
  if (installer === undefined) stop('There is no nats-server on this machine.');
  try {
    installer.install();
  } catch (error) {
    stop(`${installer.name} could not install nats-server (${error.message}).`);
  }
  const found = findNatsServer({ path });
  if (found === undefined) stop(`${installer.name} installed nats-server, but it is not where it is looked for.`);
  console.log(`Installed nats-server with ${installer.name}: ${found}`);
}
