/**
 * Where a local cluster and its regions keep their files. A region's folder is its own: nothing in
 * it is read by another region.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeId } from '../../shared/core/node.ts';

export interface ClusterPaths {
  readonly stateFolder: string;
  readonly clusterFile: string;
  /** Names the folder of PostgreSQL's data when that is not below the state folder. */
  readonly locationFile: string;
  /** Of a cluster in mode tls: signs its certificates. */
  readonly authorityFolder: string;
  /** Settings of the WAN proxies; there only after `--wan`. */
  readonly wanFile: string;
  readonly logsFolder: string;
  readonly runFolder: string;
}

/** The files of the cluster kept in `stateFolder`. */
export function clusterPaths(stateFolder: string): ClusterPaths {
  return {
    stateFolder,
    clusterFile: join(stateFolder, 'meridian.yaml'),
    locationFile: join(stateFolder, 'location'),
    authorityFolder: join(stateFolder, 'authority'),
    wanFile: join(stateFolder, 'wan.json'),
    logsFolder: join(stateFolder, 'logs'),
    runFolder: join(stateFolder, 'run'),
  };
}

export interface RegionPaths {
  readonly folder: string;
  readonly secretsFile: string;
  /** Says which region of which cluster the folder belongs to. */
  readonly ownerFile: string;
  /** Host name → address as this region sees the others: JSON for Node, hosts(5) for the JVM. */
  readonly hostsJsonFile: string;
  readonly hostsTextFile: string;
  /** Certificates of mode tls as files, written by the agent from the secrets. */
  readonly tlsFolder: string;
  readonly kafkaFolder: string;
  readonly redisFolder: string;
  /** Host name → address of the WAN proxy, in a cluster started with `--wan`. */
  readonly wanHostsFile: string;
  /** Holds one folder per PostgreSQL node. */
  readonly postgresFolder: string;
  readonly logsFolder: string;
  readonly runFolder: string;
}

/** The files below a region's folder; `postgresFolder` may lie elsewhere. */
export function regionPaths(folder: string, postgresFolder?: string): RegionPaths {
  return {
    folder,
    secretsFile: join(folder, 'secrets.yaml'),
    ownerFile: join(folder, 'owner.json'),
    hostsJsonFile: join(folder, 'hosts.json'),
    hostsTextFile: join(folder, 'hosts'),
    wanHostsFile: join(folder, 'wan-hosts.json'),
    tlsFolder: join(folder, 'tls'),
    kafkaFolder: join(folder, 'kafka'),
    redisFolder: join(folder, 'redis'),
    postgresFolder: postgresFolder ?? join(folder, 'postgres'),
    logsFolder: join(folder, 'logs'),
    runFolder: join(folder, 'run'),
  };
}

/** Where `npm start` keeps region `id` of the cluster in `stateFolder`; follows `location`. */
export function localRegionPaths(stateFolder: string, id: string): RegionPaths {
  const location = readLocation(stateFolder);
  const postgresFolder = location === null ? undefined : join(location, id);
  return regionPaths(join(stateFolder, 'regions', id), postgresFolder);
}

/** The folder that `.meridian/location` names, or null when data lies below the state folder. */
export function readLocation(stateFolder: string): string | null {
  const { locationFile } = clusterPaths(stateFolder);
  return existsSync(locationFile) ? readFileSync(locationFile, 'utf8').trim() : null;
}

/** `pg-1` of `eu-west/pg-1`: the name of the node's folder, process and log file. */
export function nodeName(node: NodeId): string {
  return node.slice(node.indexOf('/') + 1);
}
