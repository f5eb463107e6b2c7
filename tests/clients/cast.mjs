// cast: send value, deploy, send to and call the token, read logs and receipts on every endpoint.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { bytecode, keys, members, payee, supply, urls } from './shared.mjs';

// The program itself lies in a package of its own for each platform.
function find() {
  const folder = path.join(import.meta.dirname, 'node_modules', '@foundry-rs');
  const name = fs.readdirSync(folder).find((entry) => entry.startsWith('cast-'));
  assert.ok(name, `no cast for this platform in ${folder}`);
  const manifest = createRequire(import.meta.url).resolve(`@foundry-rs/${name}/package.json`);
  return path.join(path.dirname(manifest), 'bin', 'cast');
}

const program = find();
const env = { PATH: process.env.PATH, HOME: import.meta.dirname };
const cast = (url, command, ...line) =>
  execFileSync(program, [command, '--rpc-url', url, ...line], { encoding: 'utf8', env }).trim();
const send = (url, ...line) =>
  JSON.parse(cast(url, 'send', '--private-key', keys.cast, '--json', ...line));
const argument = supply.toString(16).padStart(64, '0');

assert.equal(cast(urls[0], 'chain-id'), '1337');
const before = BigInt(cast(urls[0], 'balance', payee));
let sent = before;
for (const url of urls) {
  const receipt = send(url, payee, '--value', '1ether');
  assert.equal(receipt.status, '0x1');
  sent += 10n ** 18n;
  for (const other of urls) {
    wait(() => cast(other, 'receipt', receipt.transactionHash, 'blockHash') === receipt.blockHash);
    assert.equal(BigInt(cast(other, 'balance', payee)), sent);
  }
}

const created = send(urls[1], '--create', `${bytecode}${argument}`);
const token = created.contractAddress;
const moved = send(urls[2], token, 'transfer(address,uint256)', payee, '42');
assert.equal(moved.status, '0x1');
for (const url of urls) {
  wait(() => cast(url, 'call', token, 'balanceOf(address)(uint256)', payee) === '42');
  const filter = ['--address', token, '--from-block', '0', '--json'];
  const logs = JSON.parse(cast(url, 'logs', 'Transfer(address,address,uint256)', ...filter));
  assert.deepEqual(logs.map((log) => BigInt(log.data)), [supply, 42n]);
  assert.equal(cast(url, 'block', moved.blockHash, '--field', 'hash'), moved.blockHash);
}

const refused = spawnSync(
  program,
  ['call', token, 'fail(string)', 'no luck', '--rpc-url', urls[3]],
  { encoding: 'utf8', env },
);
assert.notEqual(refused.status, 0);
assert.match(refused.stderr, /execution reverted: no luck/);

// One node may be a moment behind the one that gave the receipt.
function wait(condition) {
  for (const started = Date.now(); Date.now() - started < 20_000; ) {
    try {
      if (condition()) return;
    } catch (error) {
      if (!String(error).includes('not found') && !String(error).includes('null')) throw error;
    }
  }
  assert.fail(`did not happen: ${condition}`);
}

// Members decide with nothing but cast: a fifth validator joins, and leaves again.
const { ROOT: root, NEWCOMER: newcomer, ENDPOINT: endpoint } = process.env;
const decide = (member, ...line) => {
  const keystore = ['--keystore', `${root}/key-${member}.json`];
  const free = ['--gas-price', '0', '--priority-gas-price', '0'];
  const password = ['--password-file', `${root}/password`];
  const sent = [members, ...line, ...keystore, ...password, ...free, '--json'];
  assert.equal(JSON.parse(cast(urls[member], 'send', ...sent)).status, '0x1');
};
const validators = (url) =>
  cast(url, 'call', members, 'validators()((bytes,address,string,string,uint64)[])');
decide(0, 'addValidator(bytes,string,string)', newcomer, 'elena', endpoint);
const id = cast(urls[0], 'call', members, 'proposalCount()(uint256)');
decide(1, 'vote(uint256)', id);
decide(2, 'vote(uint256)', id);
for (const url of urls) wait(() => validators(url).includes(newcomer));
assert.match(validators(urls[3]), /elena/);
const stranger = spawnSync(
  program,
  ['call', members, 'vote(uint256)', id, '--from', payee, '--rpc-url', urls[0]],
  { encoding: 'utf8', env },
);
assert.notEqual(stranger.status, 0);
assert.match(stranger.stderr, /revert/);
decide(0, 'removeValidator(bytes)', newcomer);
const removal = cast(urls[0], 'call', members, 'proposalCount()(uint256)');
decide(1, 'vote(uint256)', removal);
decide(2, 'vote(uint256)', removal);
for (const url of urls) wait(() => !validators(url).includes(newcomer));
