/** A reporter for node:test that writes one JSON line per finished test; outcome.ts reads them. */
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

export interface ReportedTest {
  readonly name: string;
  readonly file: string;
  /** A note belongs to no test, for instance an error after the end of its test. */
  readonly result: 'passed' | 'failed' | 'skipped' | 'note';
  readonly detail: string;
}

export default async function* resultReporter(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  for await (const event of events) {
    const reported = report(event);
    if (reported !== undefined) yield `${JSON.stringify(reported)}\n`;
  }
}

/** Suites are not tests, and a test that failed through its subtests is told by these. */
function report(event: TestEvent): ReportedTest | undefined {
  switch (event.type) {
    case 'test:pass': {
      const { name, file = '', details, skip, todo } = event.data;
      if (details.type === 'suite') return undefined;
      const isSkipped = skip !== undefined || todo !== undefined;
      return { name, file, result: isSkipped ? 'skipped' : 'passed', detail: '' };
    }
    case 'test:fail': {
      const { name, file = '', details } = event.data;
      const { error } = details;
      if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
      return { name, file, result: 'failed', detail: explain(error.cause ?? error) };
    }
    case 'test:diagnostic': {
      const { message, file = '' } = event.data;
      if (!message.startsWith('Error: ')) return undefined;
      return { name: 'note', file, result: 'note', detail: message };
    }
    default:
      return undefined;
  }
}

/** An assertion says all in its message; other errors are told by their fields and causes too. */
function explain(error: unknown): string {
  const text = error instanceof AssertionError ? (error.stack ?? error.message) : inspect(error);
  return text.replaceAll(/\n +at .*node:internal.*/g, '');
}
