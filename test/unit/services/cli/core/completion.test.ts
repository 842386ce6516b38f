import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { completionScript } from '../../../../../services/cli/core/completion.ts';

const verbs = [
  { path: '', next: ['status', 'region', '--json'] },
  { path: 'region', next: ['up'] },
  { path: 'region up', next: ['--services'] },
];

function completedByBash(...words: string[]): string[] {
  const script = completionScript('bash', verbs);
  const line = words.map((word) => `'${word}'`).join(' ');
  const check = `${script}\nCOMP_WORDS=(meridian ${line}); COMP_CWORD=${String(words.length)}
_meridian; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = spawnSync('bash', ['-c', check], { encoding: 'utf8' });
  return stdout.trim().split('\n');
}

test('bash completes verbs, verbs below them and options', () => {
  assert.deepEqual(completedByBash('st'), ['status']);
  assert.deepEqual(completedByBash('--json', 'region', ''), ['up']);
  assert.deepEqual(completedByBash('region', 'up', '--'), ['--services']);
});

test('zsh uses the same through its own emulation', () => {
  assert.match(completionScript('zsh', verbs), /^autoload -U \+X bashcompinit/);
});

test('fish has one line per word', () => {
  const script = completionScript('fish', verbs);
  assert.match(script, /complete -c meridian -f -n '__fish_use_subcommand' -a status/);
  assert.match(script, /-n '__fish_seen_subcommand_from region' -a up/);
  assert.match(script, /-n '__fish_use_subcommand' -l json/);
});
