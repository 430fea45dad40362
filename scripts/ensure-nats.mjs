// Makes sure that the tests and benchmarks have a nats-server: finds one, or installs the system's package.
import { existsSync } from 'node:fs';
import { findNatsServer } from '#rota/launch/nats-server.js';
import { aptInstall, ensure } from './install.mjs';

ensure({
  name: 'nats-server',
  find: () => findNatsServer({ bin: process.env.NATS_SERVER_BIN, path: process.env.PATH }),
  variable: 'NATS_SERVER_BIN',
  brew: 'nats-server',
  installWithApt(asRoot) {
    asRoot('apt-get', 'update', '-q');
    asRoot(...aptInstall('nats-server'));
    // The package starts a server of its own, with an open port, where systemd runs: only the binary is wanted.
    if (existsSync('/run/systemd/system')) asRoot('systemctl', 'disable', '--now', 'nats-server.service');
  },
  hint: 'Install it with "sudo apt-get install nats-server" or "brew install nats-server"',
});
