/**
 * Runs the services of a Compose model without a container engine: each in namespaces of its own
 * (mounts, processes, network), with exactly the user, environment, command, files and volumes of
 * the model; this machine's programs stand for those of the images. For root on Linux.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../helpers/eventually.ts';
import { imageOf, type Image } from './images.ts';
import type { ComposeModel, ComposeService } from './load-compose.ts';

/** Why services cannot be run here; null when they can. */
export function whyNoEngine(): string | null {
  if (process.getuid?.() !== 0) return 'namespaces need root';
  const tried = spawnSync('unshare', ['-m', '-n', '-p', '-f', 'ip', 'link', 'set', 'lo', 'up']);
  return tried.status === 0 ? null : 'no right to make namespaces, or no ip program';
}

export interface EngineOptions {
  readonly model: ComposeModel;
  /** A folder of the test, for volumes and logs. */
  readonly folder: string;
  /** First three numbers of the network between this machine (.1, .3, .4 …) and the stack (.2). */
  readonly network: string;
}

/** Users of the images' folders that a new volume copies. */
const volumeOwners: Readonly<Record<string, readonly [number, number]>> = {
  '/var/lib/kafka/data': [1000, 0],
};

export class ComposeEngine {
  readonly #options: EngineOptions;
  readonly #running = new Map<string, ChildProcess>();
  readonly #space = `mrd${String(process.pid)}`;

  constructor(options: EngineOptions) {
    this.#options = options;
    mkdirSync(join(options.folder, 'volumes'), { recursive: true });
    chmodSync(options.folder, 0o755);
    this.#makeNetwork();
  }

  /** `docker compose --profile … up --wait`: each when those it depends on are as they must be. */
  async up(): Promise<void> {
    const names = Object.keys(this.#options.model.services);
    await Promise.all(names.map((name) => this.#startOnce(name)));
  }

  readonly #starts = new Map<string, Promise<void>>();

  /** What a service wrote. */
  log(name: string): string {
    const file = this.#logFile(name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** `docker compose down`: the later ones first. Namespaces end with their first process. */
  async down(): Promise<void> {
    for (const [name, child] of [...this.#running].toReversed()) {
      await this.#stop(name, child);
    }
  }

  /** Takes the network away, with the addresses of this machine in it. */
  close(): void {
    spawnSync('ip', ['netns', 'delete', this.#space]);
  }

  async #stop(name: string, child: ChildProcess): Promise<void> {
    this.#running.delete(name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    const first = firstProcessOf(child);
    if (first !== null) process.kill(first, 'SIGTERM');
    const seconds = secondsOf(this.#service(name).stop_grace_period ?? '10s');
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    await ended;
    clearTimeout(timer);
  }

  #startOnce(name: string): Promise<void> {
    const started = this.#starts.get(name) ?? this.#start(name);
    this.#starts.set(name, started);
    return started;
  }

  /** Resolves when the service is healthy, or has ended well where it is to end. */
  async #start(name: string): Promise<void> {
    const service = this.#service(name);
    await Promise.all(Object.keys(service.depends_on ?? {}).map((other) => this.#startOnce(other)));
    const image = imageOf(service, join(this.#options.folder, 'programs'));
    const entrypoint = service.entrypoint ?? image.entrypoint;
    const child = this.#run(name, [...entrypoint, ...(service.command ?? [])]);
    this.#running.set(name, child);
    const { healthcheck } = service;
    if (healthcheck === undefined) {
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`${name} ended with ${String(code)}:\n${this.log(name)}`);
      return;
    }
    const [kind, ...words] = healthcheck.test;
    const command = kind === 'CMD-SHELL' ? ['/bin/sh', '-c', ...words] : words;
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended:\n${this.log(name)}`);
        const [code] = (await once(this.#run(name, command, 'health'), 'exit')) as [number | null];
        return code === 0;
      },
      { deadlineMs: 120_000, intervalMs: 500 },
    ).catch((error: unknown) => {
      throw new Error(`${name} is not healthy:\n${this.log(name)}`, { cause: error });
    });
  }

  #run(name: string, command: readonly string[], log = 'log'): ChildProcess {
    const service = this.#service(name);
    const script = join(this.#options.folder, `${name}.sh`);
    writeFileSync(script, this.#script(service), { mode: 0o755 });
    const spaces = ['-m', '-p', '-f', '--kill-child', '/bin/sh', script];
    const inNetwork =
      service.network_mode === 'none'
        ? ['unshare', '-n', ...spaces]
        : ['ip', 'netns', 'exec', this.#space, 'unshare', ...spaces];
    const [program = '', ...args] = inNetwork;
    const out = openSync(log === 'log' ? this.#logFile(name) : '/dev/null', 'a');
    const child = spawn(program, [...args, ...command], { stdio: ['ignore', out, out] });
    closeSync(out);
    return child;
  }

  /** Makes the container's file system over a read-only view of this one, and runs "$@" in it. */
  #script(service: ComposeService): string {
    const image = imageOf(service, join(this.#options.folder, 'programs'));
    const root = join(this.#options.folder, 'root');
    const [uid = '0', gid = uid] = (service.user ?? image.user).split(':');
    const environment = { ...image.environment, ...service.environment };
    const variables = Object.entries(environment).map(([key, value]) => quoted(`${key}=${value}`));
    const folder = service.working_dir ?? image.workingFolder;
    const change = [
      `chroot "$root" setpriv --reuid ${uid} --regid ${gid} --clear-groups`,
      '--inh-caps=-all --bounding-set=-all --no-new-privs',
      `env -i ${variables.join(' ')} /bin/sh -c 'cd ${folder} && exec "$@"' sh "$@"`,
    ];
    return [
      'set -eu',
      `mkdir -p ${quoted(root)}`,
      `mount -t tmpfs tmpfs ${quoted(root)}`,
      `cd ${quoted(root)} && mkdir upper work root && root=${quoted(join(root, 'root'))}`,
      'mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root',
      'cd / && mount -t proc proc "$root/proc"',
      'mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys"',
      `printf '%s\\n' root:x:0:0::/root:/bin/sh postgres:x:999:999::/:/bin/sh > "$root/etc/passwd"`,
      'mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"',
      ...this.#mounts(service, image),
      ...(service.read_only === true ? ['mount -o remount,ro,bind "$root"'] : []),
      `exec ${change.join(' ')}`,
      '',
    ].join('\n');
  }

  #mounts(service: ComposeService, image: Image): string[] {
    const files = Object.entries(image.files).map(([target, source]) => mount(source, target));
    const volumes = (service.volumes ?? []).map(({ type, source, target, read_only: isFixed }) =>
      mount(type === 'volume' ? this.#volume(source, target) : source, target, isFixed ?? false),
    );
    const secrets = (service.secrets ?? []).map(({ source }) =>
      mount(this.#options.model.secrets[source]?.file ?? '', `/run/secrets/${source}`),
    );
    const [uid = '0'] = image.user.split(':');
    const own = (image.volumes ?? []).map(
      (target) => `mkdir "$root${target}"; mount -t tmpfs -o uid=${uid} tmpfs "$root${target}"`,
    );
    return [...files, ...own, ...volumes, ...secrets];
  }

  /** A named volume; a new one belongs to whom the image's folder belongs. */
  #volume(name: string, target: string): string {
    const folder = join(this.#options.folder, 'volumes', name);
    if (existsSync(folder)) return folder;
    mkdirSync(folder);
    const [uid, gid] = volumeOwners[target] ?? [999, 999];
    chownSync(folder, uid, gid);
    return folder;
  }

  #makeNetwork(): void {
    const { network } = this.#options;
    const space = this.#space;
    const inside = ['netns', 'exec', space, 'ip'];
    for (const args of [
      ['netns', 'add', space],
      ['link', 'add', `${space}a`, 'type', 'veth', 'peer', 'name', `${space}b`, 'netns', space],
      ...[1, 3, 4].map((last) => ['address', 'add', `${network}.${last}/24`, 'dev', `${space}a`]),
      ['link', 'set', `${space}a`, 'up'],
      [...inside, 'link', 'set', 'lo', 'up'],
      [...inside, 'address', 'add', `${network}.2/24`, 'dev', `${space}b`],
      [...inside, 'link', 'set', `${space}b`, 'up'],
    ]) {
      const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
    }
  }

  #service(name: string): ComposeService {
    const service = this.#options.model.services[name];
    if (service === undefined) throw new RangeError(`the model has no service ${name}`);
    return service;
  }

  #logFile(name: string): string {
    return join(this.#options.folder, `${name}.log`);
  }
}

function mount(source: string, target: string, isReadOnly = true): string {
  const place = `"$root"${quoted(target)}`;
  const makeFile = `mkdir -p "$(dirname ${place})"; [ -e ${place} ] || : > ${place}`;
  const make = `if [ -d ${quoted(source)} ]; then mkdir -p ${place}; else ${makeFile}; fi`;
  const bind = `mount --bind ${quoted(source)} ${place}`;
  return [make, bind, ...(isReadOnly ? [`mount -o remount,ro,bind ${place}`] : [])].join('\n');
}

/** The first process of the namespace that `unshare` made: its only child. */
function firstProcessOf(child: ChildProcess): number | null {
  const pid = String(child.pid);
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim() === '' ? null : Number(text.trim().split(' ')[0]);
  } catch {
    return null;
  }
}

/** `1m0s` as compose-go writes it. */
function secondsOf(text: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  return 60 * Number(minutes) + Number(seconds);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
