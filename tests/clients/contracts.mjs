// solc: the JSON files of contracts say what their Solidity says. With --write, makes them so.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import solc from 'solc';

const repository = process.env.REPOSITORY ?? path.join(import.meta.dirname, '..', '..');
const remedy = 'cd tests/clients && npm ci --ignore-scripts && node contracts.mjs --write';
const settings = {
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};

const artifact = ({ abi, evm }) => {
  const bytecode = `0x${evm.bytecode.object}`;
  return JSON.stringify({ compiler: solc.version(), abi, bytecode }, null, 1);
};

// A line for each entry, which begins with what it is, so that a difference tells what changed.
const list = ({ abi }) => {
  const lines = abi.map(({ type, name, ...rest }) => JSON.stringify({ type, name, ...rest }));
  return `[\n  ${lines.join(',\n  ')}\n]`;
};

const contracts = [
  ['tests/e2e/contracts', 'Token', artifact],
  ['runtime/contracts', 'IAllowList', list],
  ['runtime/contracts', 'IMembers', list],
  ['runtime/contracts', 'INodeList', list],
];
for (const [folder, name, form] of contracts) {
  const source = `${name}.sol`;
  const content = fs.readFileSync(path.join(repository, folder, source), 'utf8');
  const sources = { [source]: { content } };
  const input = JSON.stringify({ language: 'Solidity', sources, settings });
  const output = JSON.parse(solc.compile(input));
  assert.ok(!output.errors, output.errors?.map((error) => error.formattedMessage).join('\n'));
  const made = `${form(output.contracts[source][name])}\n`;
  const file = path.join(repository, folder, `${name}.json`);
  if (process.argv.includes('--write')) {
    fs.writeFileSync(file, made);
  } else {
    const found = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    const fault = `${folder}/${name}.json is not what solc makes of ${source}`;
    assert.ok(found === made, `${fault}; run this: ${remedy}`);
  }
}
