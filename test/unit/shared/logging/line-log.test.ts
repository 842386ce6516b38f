import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { pino } from 'pino';
import { createLineLog } from '../../../../shared/logging/line-log.ts';

const folder = join(import.meta.dirname, '../../../../shared/logging');

test('it is on where somebody reads such lines', () => {
  assert.equal(createLineLog(pino({ level: 'warn' })).isOn, false);
  const log = createLineLog(pino({ level: 'info' }));
  assert.equal(log.isOn, true);
  log.stop();
});

test('lines are gathered and put out whole, and singly after the stop', () => {
  const written: string[] = [];
  const logger = pino({ level: 'info' }).child({ component: 'access' });
  const log = createLineLog(logger, { write: (lines) => void written.push(lines) });
  log.info('"a":1', 'one');
  log.info('"a":2', 'two');
  assert.equal(written.length, 0);
  log.stop();
  log.info('"a":3', 'three');
  assert.equal(written.length, 2);
  const said = written
    .flatMap((lines) => lines.trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    said.map(({ level, component, a, msg }) => [level, component, a, msg]),
    [
      ['info', 'access', 1, 'one'],
      ['info', 'access', 2, 'two'],
      ['info', 'access', 3, 'three'],
    ],
  );
  assert.ok(said.every(({ time }) => !Number.isNaN(Date.parse(String(time)))));
});

test('many lines do not wait for the timer', () => {
  let count = 0;
  const log = createLineLog(pino({ level: 'info' }), { write: () => void (count += 1) });
  for (let i = 0; i < 1000; i += 1) log.info(`"a":${String(i)}`, 'many');
  assert.ok(count > 1);
  log.stop();
});

for (const [end, how] of [
  ['exits', 'process.exit(3)'],
  ['throws', 'throw new Error("broken")'],
  ['has nothing left to do', ''],
] as const) {
  test(`a process that ${end} loses no line`, () => {
    const program = `
      import { createLogger } from ${JSON.stringify(pathToFileURL(join(folder, 'logger.ts')))};
      import { createLineLog } from ${JSON.stringify(pathToFileURL(join(folder, 'line-log.ts')))};
      const log = createLineLog(createLogger({ service: 's', region: 'r', level: 'info' }));
      for (let i = 0; i < 500; i += 1) log.info('"n":' + i, 'line');
      ${how}`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
    const numbers = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n);
    assert.deepEqual(
      numbers,
      Array.from({ length: 500 }, (_, n) => n),
    );
  });
}
