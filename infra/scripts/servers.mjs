/** Kafka, Redis and Java: complete on this machine when prepareServers() has returned. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeKafkaArchive } from './kafka-archive.mjs';
import { installKafkaJars } from './kafka-jars.mjs';
import { withInstallLock } from './install-lock.mjs';
import { cacheFolder, findKafkaClasspathFolder, kafkaArchiveFile } from './parts.mjs';
import { installSystemPackages, missingSystemPackages } from './system-programs.mjs';

export function prepareServers() {
  const hasKafka = () => findKafkaClasspathFolder() !== undefined;
  const isComplete = () => missingSystemPackages().length === 0 && hasKafka();
  if (isComplete() && existsSync(kafkaArchiveFile())) return;
  withInstallLock(join(cacheFolder(), 'install.lock'), () => {
    installSystemPackages();
    if (!hasKafka()) installKafkaJars();
    const archive = kafkaArchiveFile();
    if (!existsSync(archive)) writeKafkaArchive(archive);
  });
}
