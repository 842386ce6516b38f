/**
 * What a statement may do: PostgreSQL's own parser (libpg-query), and the catalog for the functions
 * and operators it names. Both answers are cached; the catalog's for a while only.
 */
import { statementKindOf, type ReadStatement, type StatementKind } from '../core/statement-kind.ts';
import { loadSqlParser, parseSync } from '../../../shared/pg/sql-parser.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { runExchange, type ExchangeStep } from './sql/exchange.ts';
import type { Lent } from './node-pools.ts';

export interface Analysis {
  readonly kind: 'read' | 'write' | 'refused';
  readonly why: string;
  readonly hint: string;
  readonly isAlone: boolean;
  readonly touchesSession: boolean;
  readonly isQuery: boolean;
  /** It has come several times already. */
  readonly isRepeated: boolean;
}

export interface AnalysisOptions {
  readonly clock: Clock;
  /** A connection to any healthy node of the region; null when there is none. */
  readonly borrow: () => Promise<Lent | null>;
  readonly cacheMax?: number;
}

/** How long the catalog's answer counts: functions are rarely replaced by volatile ones. */
const catalogTtlMs = 30_000;

/** Oldest entries go first; SQL texts longer than this are parsed each time. */
const cachedTextMax = 10_000;

/** From this use on a statement counts as one that comes often. */
const usesOfRepeated = 3;

interface Known {
  readonly kind: StatementKind;
  uses: number;
  /** What the catalog made of it, until it is to be asked again. */
  judged: { readonly analysis: Analysis; readonly untilMs: number } | null;
}

interface CatalogAnswer {
  readonly volatile: boolean;
  readonly isOwn: boolean;
  readonly untilMs: number;
}

export class StatementAnalysis {
  readonly #options: AnalysisOptions;
  readonly #kinds = new Map<string, Known>();
  readonly #catalog = new Map<string, CatalogAnswer>();

  constructor(options: AnalysisOptions) {
    this.#options = options;
  }

  /** To be awaited once before `analyse`. */
  async load(): Promise<void> {
    await loadSqlParser();
  }

  /** What `sql` may do, whoever runs it. A text that the parser refuses counts as a write. */
  async analyse(sql: string): Promise<Analysis> {
    const known = this.#known(sql);
    const { kind, judged } = known;
    if (judged !== null && this.#options.clock.monotonicMs() < judged.untilMs) {
      return judged.analysis;
    }
    const isRepeated = known.uses >= usesOfRepeated;
    if (kind.kind === 'refused') {
      return { ...kind, isAlone: false, touchesSession: false, isQuery: false, isRepeated };
    }
    if (kind.kind === 'write') return { ...kind, hint: '', isQuery: false, isRepeated };
    const nowMs = this.#options.clock.monotonicMs();
    const analysis = await this.#withCatalog(kind, isRepeated);
    // It is judged afresh while it is becoming one that comes often, or the catalog was silent.
    const isSettled = isRepeated && analysis.kind === 'read';
    if (isSettled) known.judged = { analysis, untilMs: nowMs + catalogTtlMs / 2 };
    return analysis;
  }

  /** A statement known as a read has written: it counts as a write from now on. */
  noteWrite(sql: string): void {
    const why = 'PostgreSQL says that it writes';
    this.#remember(sql, { kind: 'write', why, isAlone: false, touchesSession: true });
  }

  #known(sql: string): Known {
    const known = this.#kinds.get(sql);
    if (known !== undefined) {
      known.uses += 1;
      return known;
    }
    let kind: StatementKind;
    try {
      kind = statementKindOf(parseSync(sql));
    } catch {
      const why = 'the parser does not understand it';
      kind = { kind: 'write', why, isAlone: false, touchesSession: true };
    }
    return this.#remember(sql, kind);
  }

  #remember(sql: string, kind: StatementKind): Known {
    const known: Known = { kind, uses: 1, judged: null };
    if (sql.length > cachedTextMax) return known;
    const { cacheMax = 5000 } = this.#options;
    const oldest = this.#kinds.keys().next();
    if (this.#kinds.size >= cacheMax && oldest.done !== true) this.#kinds.delete(oldest.value);
    this.#kinds.set(sql, known);
    return known;
  }

  async #withCatalog(read: ReadStatement, isRepeated: boolean): Promise<Analysis> {
    const names = [
      ...read.functions.map((name) => `f ${name}`),
      ...read.operators.map((name) => `o ${name}`),
    ];
    const answers = await this.#lookUp(names);
    const unsure = names.find((name) => answers.get(name)?.volatile !== false);
    const touchesSession =
      read.touchesSession || [...answers.values()].some(({ volatile, isOwn }) => volatile && isOwn);
    const base = { hint: '', isAlone: false, touchesSession, isQuery: read.isQuery, isRepeated };
    if (unsure === undefined) return { ...base, kind: 'read', why: 'it only reads' };
    const why = `${unsure.slice(2)} is not known to be stable or immutable`;
    return { ...base, kind: 'write', why };
  }

  async #lookUp(names: readonly string[]): Promise<ReadonlyMap<string, CatalogAnswer>> {
    const nowMs = this.#options.clock.monotonicMs();
    const isStale = (name: string): boolean => (this.#catalog.get(name)?.untilMs ?? 0) <= nowMs;
    const missing = names.filter(isStale);
    if (missing.length > 0) await this.#ask(missing, nowMs + catalogTtlMs);
    const found = new Map<string, CatalogAnswer>();
    for (const name of names) {
      const answer = this.#catalog.get(name);
      if (answer !== undefined) found.set(name, answer);
    }
    return found;
  }

  /** Asks the catalog; what cannot be asked stays unknown, which counts as volatile. */
  async #ask(names: readonly string[], untilMs: number): Promise<void> {
    const lent = await this.#options.borrow().catch(() => null);
    if (lent === null) return;
    try {
      const { results } = await runExchange(lent.client, [catalogStep(names)]);
      lent.giveBack('keep');
      for (const [name, volatile, isOwn] of results[0]?.rows ?? []) {
        if (name === null || name === undefined) continue;
        if (this.#catalog.size > 20_000) this.#catalog.clear();
        this.#catalog.set(name, { volatile: volatile !== 'f', isOwn: isOwn !== 'f', untilMs });
      }
    } catch {
      lent.giveBack('drop');
    }
  }
}

/**
 * One row for each name of the form `f name` or `o name`: whether any function or operator called
 * so, in any schema unless one is given, is volatile (or none exists), and whether one is the
 * user's own.
 */
const catalogSql = `WITH asked AS (
    SELECT name, left(name, 1) AS kind, part.base,
      CASE WHEN position('.' in name) > 0 AND left(name, 1) = 'f'
        THEN left(substr(name, 3), -1 - length(part.base)) END AS schema
    FROM unnest($1::text[]) AS name,
      LATERAL (SELECT reverse(split_part(reverse(substr(name, 3)), '.', 1)) AS base) AS part)
  SELECT a.name, coalesce(bool_or(p.provolatile = 'v'), true),
    coalesce(bool_or(p.pronamespace <> 'pg_catalog'::regnamespace), true)
  FROM asked a LEFT JOIN pg_proc p ON p.oid IN (
    SELECT f.oid FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
      WHERE a.kind = 'f' AND f.proname = a.base AND (a.schema IS NULL OR n.nspname = a.schema)
    UNION ALL
    SELECT o.oprcode FROM pg_operator o WHERE a.kind = 'o' AND o.oprname = a.base)
  GROUP BY a.name`;

function catalogStep(names: readonly string[]): ExchangeStep {
  const list = names.map((name) => `"${name.replaceAll(/(["\\])/g, '\\$1')}"`).join(',');
  return { sql: catalogSql, values: [`{${list}}`], isConstant: true };
}
