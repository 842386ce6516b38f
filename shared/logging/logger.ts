/** The logger: pino, children carry `{service, region, node}` → `{component}` → `{reqId}`. */
import { pino, type Logger as PinoLogger } from 'pino';
import { errorFields } from './error-fields.ts';
import { createLineWriter } from './line-writer.ts';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly service: string;
  readonly region: string;
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** An open file; standard output when absent. */
  readonly descriptor?: number;
}

/** JSON lines on standard output or in a file; bigints are written as text, secrets never. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, region: options.region, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers.authorization', '*.password', 'password'],
    serializers: { err: errorFields },
    formatters: { level: (label: string) => ({ level: label }), log: textBigints },
  };
  // Pino's own destination ends or blocks the process when the disk is full.
  return pino(settings, createLineWriter(options.descriptor ?? 1));
}

function textBigints(fields: Record<string, unknown>): Record<string, unknown> {
  for (const value of Object.values(fields)) {
    if (typeof value === 'bigint') {
      return Object.fromEntries(
        Object.entries(fields).map(([key, v]) => [key, typeof v === 'bigint' ? v.toString() : v]),
      );
    }
  }
  return fields;
}
