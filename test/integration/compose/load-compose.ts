/**
 * Loads a Compose file by a real loader: compose-go (Docker Compose's own, through the Go module
 * proxy), else an installed docker-compose, else Debian's by apt when root. With none of them it
 * throws: a file that no loader has read is not a tested one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface ComposeMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
}

export interface ComposeService {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[] | null;
  readonly entrypoint?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly user?: string;
  readonly working_dir?: string;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly stop_grace_period?: string;
  readonly mem_limit?: string | number;
  readonly cpus?: number;
  readonly pids_limit?: number;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] }>>;
  readonly volumes?: readonly ComposeMount[];
  readonly secrets?: readonly { readonly source: string }[];
  readonly ports?: readonly { readonly target: number; readonly published: string }[];
  readonly build?: { readonly target?: string; readonly dockerfile?: string };
}

export interface ComposeModel {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
}

/** What the file takes from the environment besides this process's own. */
export type ComposeEnvironment = Readonly<Record<string, string>>;

type Loader = (file: string, profiles: readonly string[]) => string;

const loaderFolder = join(import.meta.dirname, 'loader');

/** The model that the loader makes of `file` with these profiles active; throws what it says. */
export function createComposeLoader(): {
  readonly name: string;
  load(file: string, profiles: readonly string[]): ComposeModel;
  close(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-compose-'));
  const { name, run } = buildComposeGo(folder) ?? findProgram() ?? installProgram();
  return {
    name,
    load: (file, profiles) => parse(run(file, profiles)) as ComposeModel,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function buildComposeGo(folder: string): { name: string; run: Loader } | null {
  if (spawnSync('go', ['version']).status !== 0) return null;
  const program = join(folder, 'loader');
  const built = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: loaderFolder,
    encoding: 'utf8',
  });
  if (built.status !== 0) return null;
  return { name: 'compose-go', run: (file, profiles) => output(program, [file, ...profiles]) };
}

function findProgram(): { name: string; run: Loader } | null {
  const program = [['docker-compose'], ['docker', 'compose']].find(
    ([name = '', ...words]) => spawnSync(name, [...words, 'version']).status === 0,
  );
  if (program === undefined) return null;
  const [name = '', ...words] = program;
  return {
    name: program.join(' '),
    run: (file, profiles) => {
      const chosen = profiles.flatMap((profile) => ['--profile', profile]);
      return output(name, [...words, '-f', file, ...chosen, 'config']);
    },
  };
}

function installProgram(): { name: string; run: Loader } {
  const install = ['install', '-y', '--no-install-recommends', 'docker-compose'];
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['-q', 'update'], { env });
    spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...install], { env });
  }
  const found = findProgram();
  if (found !== null) return found;
  throw new Error(
    'No Compose loader here. Install Go 1.24 with access to a module proxy, or run: ' +
      'apt-get install --no-install-recommends docker-compose',
  );
}

function output(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 32 * 1024 * 1024 });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} refuses the file: ${result.stderr}${result.error?.message ?? ''}`);
}
