// What the scripts share: the nodes, the contracts, accounts that everybody knows.
import fs from 'node:fs';
import path from 'node:path';

const read = (file) =>
  JSON.parse(fs.readFileSync(path.join(process.env.REPOSITORY, file), 'utf8'));

export const urls = process.argv.slice(2);
export const { abi, bytecode } = read('tests/e2e/contracts/Token.json');
export const members = '0x4d6f6b6b61000000000000000000000000000001';
export const membersAbi = read('runtime/contracts/IMembers.json');
export const supply = 1_000_000n;
export const payee = '0x7070707070707070707070707070707070707070';

// Accounts 6, 7 and 8 of "test test test test test test test test test test test junk".
export const keys = {
  cast: '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  ethers: '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  viem: '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
};
