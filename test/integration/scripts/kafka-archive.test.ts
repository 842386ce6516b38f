// test: light
/** The archive of Kafka's classes that the preparation writes: the JVM takes them from there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { locateParts } from '../../../infra/scripts/parts.mjs';

test('a JVM takes the classes of Kafka from the archive', () => {
  const { javaProgram, kafkaArchiveFile, kafkaClasspathFolder } = locateParts();
  assert.ok(kafkaArchiveFile !== undefined, 'npm test has the archive written');
  const jvm = ['-XX:+UseSerialGC', `-XX:SharedArchiveFile=${kafkaArchiveFile}`, '-Xlog:class+load'];
  const tool = ['-cp', join(kafkaClasspathFolder, '*'), 'kafka.tools.StorageTool', 'random-uuid'];
  const { stdout } = spawnSync(javaProgram, [...jvm, ...tool], { encoding: 'utf8' });
  const ofKafka = stdout.split('\n').filter((line) => / (kafka|org\.apache\.kafka)\./.test(line));
  const read = ofKafka.filter((line) => !line.includes('shared objects file (top)'));
  assert.ok(ofKafka.length > 10, stdout.slice(0, 500));
  assert.ok(read.length < ofKafka.length / 2, read.join('\n'));
});
