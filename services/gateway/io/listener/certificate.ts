/** The certificate of the public listener: read at the start, and anew when its files change. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { MeridianError, messageOf } from '../../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import type { GatewayConfig } from '../../config.ts';

export type TlsConfig = NonNullable<GatewayConfig['tls']>;

/** What changes with the files; the same options are used at the start and at each change. */
export type CertificateOptions = Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>;

const pollMs = 1000;

export class Certificate {
  readonly #tls: () => TlsConfig;
  readonly #logger: Logger;
  #options: CertificateOptions;
  #seen: string;
  #validToMs: number;
  #timer: NodeJS.Timeout | null = null;

  /** Throws ConfigInvalid when the files cannot be used; `tls` is asked again at each look. */
  constructor(tls: () => TlsConfig, logger: Logger) {
    this.#tls = tls;
    this.#logger = logger;
    this.#seen = stampOf(tls());
    try {
      this.#options = load(tls());
    } catch (error) {
      const hint = 'gateway.tls names the PEM files of the certificate chain and of its key.';
      throw new MeridianError('ConfigInvalid', 'The certificate cannot be used.', { hint }, error);
    }
    this.#validToMs = validToMs(this.#options);
  }

  get options(): CertificateOptions {
    return this.#options;
  }

  /** Wall-clock time at which it ends. */
  get validToMs(): number {
    return this.#validToMs;
  }

  /** Tells `use` of each new certificate that is sound; a broken one is left alone. */
  follow(use: (options: CertificateOptions) => void): void {
    this.#timer = setInterval(() => this.#look(use), pollMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(use: (options: CertificateOptions) => void): void {
    const stamp = stampOf(this.#tls());
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    try {
      this.#options = load(this.#tls());
      this.#validToMs = validToMs(this.#options);
      use(this.#options);
      const validTo = new Date(this.#validToMs).toISOString();
      this.#logger.info({ validTo }, 'certificate reloaded');
    } catch (error) {
      this.#logger.warn({ why: messageOf(error) }, 'certificate kept, the new one is broken');
    }
  }
}

/** Throws when the two do not belong together. */
function load({ certPath, keyPath }: TlsConfig): CertificateOptions {
  const options = {
    cert: readFileSync(certPath),
    key: readFileSync(keyPath),
    minVersion: 'TLSv1.2',
  } as const;
  createSecureContext(options);
  return options;
}

function validToMs({ cert }: CertificateOptions): number {
  return new X509Certificate(cert as Buffer).validToDate.getTime();
}

/** Changes whenever one of the files does, or another file takes its place. */
function stampOf({ certPath, keyPath }: TlsConfig): string {
  return [certPath, keyPath]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return `${path} ${String(stat?.ino)} ${String(stat?.mtimeMs)} ${String(stat?.size)}`;
    })
    .join('\n');
}
