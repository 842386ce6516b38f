import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox } from '../../../../shared/runtime/mailbox.ts';

const unexpected = (error: unknown): never => assert.fail(String(error));

test('inputs are handled one at a time, in order', async () => {
  const seen: string[] = [];
  let running = 0;
  const mailbox = new Mailbox<number>({
    capacity: 10,
    handle: async (input) => {
      running += 1;
      assert.equal(running, 1);
      await Promise.resolve();
      seen.push(`handled ${input}`);
      running -= 1;
    },
    onFailure: unexpected,
  });
  for (const input of [1, 2, 3]) assert.equal(mailbox.post(input), true);
  while (seen.length < 3) await new Promise(setImmediate);
  assert.deepEqual(seen, ['handled 1', 'handled 2', 'handled 3']);
});

test('a full or closed mailbox says so', async () => {
  const mailbox = new Mailbox<number>({
    capacity: 1,
    handle: () => undefined,
    onFailure: unexpected,
  });
  assert.equal(mailbox.post(1), true);
  assert.equal(mailbox.post(2), false);
  await mailbox.close();
  assert.equal(mailbox.post(3), false);
});

test('a failure is reported once and ends the mailbox', async () => {
  const failures: unknown[] = [];
  const mailbox = new Mailbox<number>({
    capacity: 10,
    handle: () => {
      throw new Error('broken');
    },
    onFailure: (error) => failures.push(error),
  });
  mailbox.post(1);
  mailbox.post(2);
  while (failures.length === 0) await new Promise(setImmediate);
  assert.equal(failures.length, 1);
  assert.equal(mailbox.post(3), false);
});

test('an input posted while the last one is handled is not forgotten', async () => {
  const seen: number[] = [];
  const mailbox = new Mailbox<number>({
    capacity: 10,
    handle: (input) => {
      seen.push(input);
      if (input < 5) mailbox.post(input + 1);
    },
    onFailure: unexpected,
  });
  mailbox.post(1);
  while (seen.length < 5) await new Promise(setImmediate);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});
