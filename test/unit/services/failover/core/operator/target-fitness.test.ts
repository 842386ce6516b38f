import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unfitness } from '../../../../../../services/failover/core/operator/target-fitness.ts';
import {
  ap,
  eu,
  nodeOf,
  peerOf,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

describe('fitness of a target', () => {
  const why = (...of: Parameters<typeof unfitness>): string => unfitness(...of)?.why ?? 'fit';
  const disk = { freeBytes: 5 * 1024 * 1024, totalBytes: 100 * 1024 * 1024 };
  const rows = [
    { name: 'a live member', found: why(primaryState(), us), expected: /^fit$/ },
    {
      name: 'versions that do not work together, wherever asked',
      found: why(primaryState({ peers: [peerOf(us, { version: '1.6.0' }), peerOf(ap)] }), us),
      expected: /^us-east runs 1\.6\.0 and eu-west 1\.4\.2: only neighbours/,
    },
    {
      name: 'a version that does not answer any more',
      found: why(
        primaryState({ peers: [peerOf(us), peerOf(ap, { version: '1.9.0', ageMs: 9000 })] }),
        us,
      ),
      expected: /^fit$/,
    },
    {
      name: 'rules that it does not know',
      found: why(withRecords(primaryState(), record.hello(us, 0)), us),
      expected: /^us-east has not said that it knows rules 1/,
    },
    {
      name: 'this region, whose schema differs',
      found: why(replicaState({ schemaDifferences: ['column public.t.a is missing there'] }), us),
      expected: /^us-east differs from the primary: column public\.t\.a is missing there$/,
    },
    {
      name: 'the own disk',
      found: why(replicaState({ nodes: [nodeOf('us-east/pg-1', { disk })] }), us),
      expected: /^us-east is short of disk: the disk of us-east\/pg-1 is 95 % full, 5 MB are left/,
    },
    {
      name: 'what it reports of its roles',
      found: why(primaryState({ peers: [peerOf(us, { drift: ['role clerk'] })] }), us),
      expected: /^us-east differs from the primary: role clerk$/,
    },
    { name: 'no member', found: why(primaryState(), eu), expected: /^eu-west is not a member/ },
  ];
  for (const { name, found, expected } of rows) {
    it(`${name}: ${String(expected)}`, () => {
      assert.match(found, expected);
    });
  }
});
