import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  exitCodeHelp,
  exitCodeOfError,
  exitCodes,
} from '../../../../../services/cli/core/exit-code.ts';
import { errorCatalogue } from '../../../../../shared/errors/catalogue.ts';

for (const [code, expected] of [
  ['DataLossNotAccepted', 3],
  ['OperationRunning', 3],
  ['Divergence', 3],
  ['ResidencyRefused', 3],
  ['WriteLost', 3],
  ['DeadlineExceeded', 4],
  ['CommitOutcomeUnknown', 4],
  ['RequestInvalid', 2],
  ['UpstreamUnavailable', 1],
  ['NotPrimary', 1],
] as const) {
  test(`${code} exits ${String(expected)}`, () => {
    assert.ok(code in errorCatalogue);
    assert.equal(exitCodeOfError(code), expected);
  });
}

test('an unknown code counts as failed', () => {
  assert.equal(exitCodeOfError('Whatever'), exitCodes.failed);
});

test('the help names every exit code', () => {
  for (const code of Object.values(exitCodes)) assert.match(exitCodeHelp, RegExp(` ${code}  `));
});
