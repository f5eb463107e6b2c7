// viem: deploy, transfer, events, errors, fees, members.
import assert from 'node:assert/strict';
import { BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { abi, bytecode, keys, members, membersAbi, payee, supply, urls } from './shared.mjs';

const chain = defineChain({
  id: 1337,
  name: 'Mokka',
  nativeCurrency: { name: 'Coin', symbol: 'C', decimals: 18 },
  rpcUrls: { default: { http: [urls[0]] } },
});
const account = privateKeyToAccount(keys.viem);
const client = createPublicClient({ chain, transport: http(urls[0]), pollingInterval: 50 });
const wallet = createWalletClient({ account, chain, transport: http(urls[0]) });
const done = (hash) => client.waitForTransactionReceipt({ hash, timeout: 20_000 });

const history = await client.getFeeHistory({ blockCount: 1, rewardPercentiles: [50] });
assert.equal(history.baseFeePerGas.length, 2);
assert.ok(history.baseFeePerGas.every((fee) => fee === 0n));
const fees = await client.estimateFeesPerGas();
assert.equal(fees.maxPriorityFeePerGas, 0n);
const paid = await done(await wallet.sendTransaction({ to: payee, value: 1n }));
assert.equal(paid.type, 'eip1559', 'a base fee of zero is still EIP-1559');

const created = await done(await wallet.deployContract({ abi, bytecode, args: [supply] }));
const token = { address: created.contractAddress, abi };
assert.equal(await client.readContract({ ...token, functionName: 'symbol' }), 'MTT');
const moved = await done(
  await wallet.writeContract({ ...token, functionName: 'transfer', args: [payee, 7n] }),
);
assert.equal(moved.status, 'success');
const events = await client.getContractEvents({
  ...token,
  eventName: 'Transfer',
  args: { to: payee },
  fromBlock: created.blockNumber,
  toBlock: 'finalized',
});
assert.deepEqual(events.map((event) => event.args.value), [7n]);

const revert = async (functionName, args, from) => {
  const failed = client.simulateContract({ ...token, functionName, args, account: from });
  const error = await failed.then(() => assert.fail('it succeeds'), (error) => error);
  assert.ok(error instanceof BaseError, String(error));
  return error.walk((cause) => cause instanceof ContractFunctionRevertedError);
};
const poor = await revert('transfer', [payee, 9n], payee.replaceAll('7', '1'));
assert.equal(poor.data.errorName, 'ERC20InsufficientBalance');
assert.deepEqual(poor.data.args.slice(1), [0n, 9n]);
assert.equal((await revert('fail', ['no luck'], account)).reason, 'no luck');

const list = { address: members, abi: membersAbi, functionName: 'validators' };
assert.equal((await client.readContract(list)).length, 4);
