/** Kafka, Redis and Java: complete on this machine when prepareServers() has returned. */
import { join } from 'node:path';
import { installKafkaJars } from './kafka-jars.mjs';
import { withInstallLock } from './install-lock.mjs';
import { cacheFolder, findKafkaClasspathFolder } from './parts.mjs';
import { installSystemPackages, missingSystemPackages } from './system-programs.mjs';

export function prepareServers() {
  const hasKafka = () => findKafkaClasspathFolder() !== undefined;
  if (missingSystemPackages().length === 0 && hasKafka()) return;
  withInstallLock(join(cacheFolder(), 'install.lock'), () => {
    installSystemPackages();
    if (!hasKafka()) installKafkaJars();
  });
}
