/**
 * An archive of the classes that a Kafka node loads (class data sharing, JEP 350): written once, by
 * a node that is started and ended; later ones start in little more than half the processor time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findJava, findKafkaClasspathFolder } from './parts.mjs';
import { step } from './step.mjs';

const trial = fileURLToPath(new URL('kafka-trial.mjs', import.meta.url));
const boundMs = 120_000;

/**
 * Kafka works without the archive too, so a failure is said and nothing more.
 * @param {string} archive
 */
export function writeKafkaArchive(archive) {
  step('reading Kafka in for faster starts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-kafka-'));
    const part = `${archive}.part`;
    try {
      const classpath = join(findKafkaClasspathFolder() ?? '', '*');
      const args = [trial, findJava() ?? 'java', classpath, folder, part];
      const { status, stderr } = spawnSync(process.execPath, args, {
        encoding: 'utf8',
        timeout: boundMs,
      });
      if (status === 0) renameSync(part, archive);
      else process.stderr.write(` not written: ${stderr.trim().slice(-500)} …`);
    } finally {
      rmSync(part, { force: true });
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
