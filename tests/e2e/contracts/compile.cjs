// Makes Token.json of Token.sol, the same on every machine:
//   cd tests/e2e/contracts && npm install --no-save solc@0.8.30 && node compile.cjs
const fs = require('node:fs');
const solc = require('solc');

const source = 'Token.sol';
const input = {
  language: 'Solidity',
  sources: { [source]: { content: fs.readFileSync(source, 'utf8') } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
if (output.errors) {
  throw new Error(output.errors.map((error) => error.formattedMessage).join('\n'));
}
const { abi, evm } = output.contracts[source].Token;
const artifact = { compiler: solc.version(), abi, bytecode: `0x${evm.bytecode.object}` };
fs.writeFileSync('Token.json', `${JSON.stringify(artifact, null, 1)}\n`);
