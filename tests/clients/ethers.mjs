// ethers 6: deploy, transfer, events, errors, fees, WebSocket, members.
import assert from 'node:assert/strict';
import { Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider } from 'ethers';
import { abi, bytecode, keys, members, membersAbi, payee, supply, urls } from './shared.mjs';

// Answers are not kept (250 ms otherwise): blocks are faster than that, and nonces would be old.
const options = { pollingInterval: 100, cacheTimeout: -1 };
const provider = new JsonRpcProvider(urls[0], undefined, options);
const wallet = new Wallet(keys.ethers, provider);
assert.equal((await provider.getNetwork()).chainId, 1337n);

// ethers takes a base fee of zero for none, and asks for the price that legacy transactions pay.
const fees = await provider.getFeeData();
assert.equal(fees.gasPrice, 0n);
const explicit = { type: 2, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
for (const [fields, type] of [[{}, 0], [explicit, 2]]) {
  const paid = await (await wallet.sendTransaction({ to: payee, value: 1n, ...fields })).wait();
  assert.equal(paid.status, 1);
  assert.equal(paid.type, type);
}

const factory = new ContractFactory(abi, bytecode, wallet);
const token = await factory.deploy(supply);
await token.waitForDeployment();
assert.equal(await token.name(), 'Mokka Test Token');
assert.equal(await token.balanceOf(wallet.address), supply);

const socket = new WebSocketProvider(urls[1].replace('http', 'ws'));
const heard = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('no event over WebSocket')), 20_000).unref();
  token.connect(socket).on('Transfer', (from, to, value) => resolve([from, to, value]));
});
await socket.getBlockNumber();
const [event] = await Promise.all([heard, transferUntilHeard()]);
assert.equal(event[0], wallet.address);
assert.equal(event[1].toLowerCase(), payee);
await socket.destroy();

// The subscription may be in place a moment after its listener: what is heard is one of these.
async function transferUntilHeard() {
  let done = false;
  heard.then(() => { done = true; }, () => { done = true; });
  do {
    const receipt = await (await token.transfer(payee, 5n)).wait();
    assert.equal(receipt.logs.length, 1);
  } while (!done);
}

const events = await token.queryFilter(token.filters.Transfer(wallet.address, payee));
assert.ok(events.length >= 1);
assert.equal(events[0].args.value, 5n);

const other = token.connect(Wallet.createRandom().connect(provider));
await assert.rejects(other.transfer.staticCall(payee, 9n), (error) => {
  assert.equal(error.code, 'CALL_EXCEPTION');
  assert.equal(error.revert.name, 'ERC20InsufficientBalance');
  assert.deepEqual([...error.revert.args].slice(1), [0n, 9n]);
  return true;
});
await assert.rejects(token.fail.staticCall('no luck'), /execution reverted: "no luck"/);

// Members, by the published interface: anybody reads, and a stranger is told why not to decide.
const council = new Contract(members, membersAbi, wallet);
const [names, values] = await council.settings(); // By name, `values` is that of an Array.
assert.ok(values[names.indexOf('heartbeat')] > 0n);
const validators = await council.validators();
assert.equal(validators.length, 4);
for (const { account } of validators) assert.ok(await council.isMember(account));
const { publicKey, name, endpoint } = validators[0];
await assert.rejects(council.addValidator.staticCall(publicKey, name, endpoint), (error) => {
  assert.equal(error.revert.name, 'NotAMember');
  assert.deepEqual([...error.revert.args], [wallet.address]);
  return true;
});
provider.destroy();
