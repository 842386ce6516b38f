import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { versionIn } from '../../../../shared/config/program-version.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-version-'));
const commit = '38a9cf8000000000000000000000000000000000';
const older = 'c280fbf000000000000000000000000000000000';

after(() => rmSync(folder, { recursive: true }));

const rows: readonly [string, Readonly<Record<string, string>>, string][] = [
  ['nothing else is known', {}, '1.2.3'],
  [
    'a branch',
    { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': commit },
    '+38a9cf8',
  ],
  ['a commit or tag', { '.git/HEAD': `${commit}\n` }, '+38a9cf8'],
  [
    'a packed branch',
    {
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/packed-refs': `# pack-refs\n${older} refs/heads/old\n${commit} refs/heads/main\n`,
    },
    '+38a9cf8',
  ],
  [
    'a work tree of its own',
    {
      '.git': 'gitdir: ./shared/worktrees/two\n',
      'shared/worktrees/two/HEAD': 'ref: refs/heads/two\n',
      'shared/worktrees/two/commondir': '../..\n',
      'shared/refs/heads/two': `${commit}\n`,
    },
    '+38a9cf8',
  ],
  ['a branch without a commit', { '.git/HEAD': 'ref: refs/heads/none\n' }, '1.2.3'],
  ['an image', { 'infra/build-id': 'release-7\n', '.git/HEAD': commit }, '+release-7'],
  ['an image that was given none', { 'infra/build-id': '' }, '1.2.3'],
];
for (const [index, [name, files, expected]] of rows.entries()) {
  test(`the version, and the build that is known: ${name}`, () => {
    const root = join(folder, String(index));
    const all = { 'package.json': '{"version": "1.2.3"}', ...files };
    for (const [file, text] of Object.entries(all)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    assert.equal(versionIn(root), expected.startsWith('+') ? `1.2.3${expected}` : expected);
  });
}
