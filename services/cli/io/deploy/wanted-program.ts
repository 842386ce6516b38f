/** What the program that runs here would bring to the regions: its own version and its parts. */
import { findKafkaClasspathFolder, findPostgresHome } from '../../../../infra/scripts/parts.mjs';
import { kafkaVersion, postgresVersion } from '../../../local/programs.ts';
import { programVersion } from '../../../../shared/config/program-version.ts';
import { maxRules } from '../../../../shared/core/control/control-fold.ts';
import type { ClusterConfig } from '../../../cluster-config.ts';
import type { WantedProgram } from '../../core/deploy/upgrade-plan.ts';

/**
 * Parts that are not installed here, or that a region has of its own on a host that is not this
 * one, are not known. `config`: null where the regions are named by their addresses alone.
 */
export function wantedProgram(config: ClusterConfig | null): WantedProgram {
  const kafkaFolder = findKafkaClasspathFolder();
  const kafka = kafkaFolder === undefined ? null : kafkaVersion(kafkaFolder);
  const postgresAt = (home: string | undefined): string | null =>
    home === undefined ? null : postgresVersion(home);
  const postgres = postgresAt(findPostgresHome());
  return {
    ...{ meridian: programVersion, maxRules },
    parts(id) {
      const home = config?.regions.find((region) => region.id === id)?.postgres?.home;
      return { postgres: home === undefined ? postgres : postgresAt(home), kafka };
    },
  };
}
