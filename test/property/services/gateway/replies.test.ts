/** Replies of upstreams, however they are cut, and however they are spoilt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  chunkedStart,
  readChunked,
  type ChunkedState,
} from '../../../../services/gateway/core/http1/chunked-body.ts';
import { parseResponseHead } from '../../../../services/gateway/core/http1/response-head.ts';

/** The naive model: everything is there, sizes are written by `toString`. */
function encode(chunks: readonly Uint8Array[], trailers: readonly [string, string][]): Buffer {
  const parts = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  const end = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([...parts, Buffer.from(`0\r\n${end}\r\n`)]);
}

interface Decoded {
  readonly kind: 'malformed' | 'more' | 'done';
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  /** Bytes that belong to the body, its framing included. */
  readonly consumed: number;
}

function decode(bytes: Buffer, cuts: readonly number[]): Decoded {
  let state: ChunkedState = chunkedStart;
  const body: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), Infinity]) {
    const part = bytes.subarray(at, Math.min(cut, bytes.length));
    const got = readChunked(state, part);
    const done = { body: Buffer.concat(body), trailers: {}, consumed: at };
    if (got.kind === 'malformed') return { kind: 'malformed', ...done };
    for (const [from, to] of got.pieces) body.push(part.subarray(from, to));
    if (got.kind === 'done') {
      const { trailers, end } = got;
      return { kind: 'done', body: Buffer.concat(body), trailers, consumed: at + end };
    }
    state = got.state;
    at += part.length;
  }
  return { kind: 'more', body: Buffer.concat(body), trailers: {}, consumed: at };
}

const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
const cuts = fc.array(fc.nat(500), { maxLength: 12 });

test('a chunked body is what was sent, wherever it is cut', () => {
  const sending = fc.record({
    chunks: fc.array(chunk, { maxLength: 6 }),
    trailers: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[!-~]{1,8}$/)),
    rest: fc.uint8Array({ maxLength: 20 }),
  });
  fc.assert(
    fc.property(sending, cuts, ({ chunks, trailers, rest }, where) => {
      const sent = encode(chunks, Object.entries(trailers));
      const got = decode(Buffer.concat([sent, rest]), where);
      assert.equal(got.kind, 'done');
      assert.deepEqual(got.body, Buffer.concat(chunks));
      assert.deepEqual({ ...got.trailers }, { ...trailers });
      assert.equal(got.consumed, sent.length);
    }),
  );
});

test('a spoilt chunked body is read the same way, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(200), fc.constantFrom(...'\r\n0f; :x')), { maxLength: 3 }),
      cuts,
      (chunks, changes, where) => {
        const bytes = encode(chunks, [['a', 'b']]);
        for (const [at, text] of changes) bytes.write(text, at % bytes.length, 'latin1');
        const [whole, cut] = [decode(bytes, []), decode(bytes, where)];
        assert.equal(cut.kind, whole.kind);
        if (whole.kind !== 'malformed') assert.deepEqual(cut, whole);
      },
    ),
  );
});

test('a head is read as it was written, or not at all', () => {
  const name = fc.stringMatching(/^x-[a-zA-Z0-9]{1,8}$/);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,8}[!-~])?$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n.toLowerCase() }),
      (all) => {
        const text = ['HTTP/1.1 200 OK', ...all.map(([n, v]) => `${n}:  ${v}\t`)].join('\r\n');
        const wanted = Object.fromEntries(all.map(([n, v]) => [n.toLowerCase(), v]));
        assert.deepEqual(parseResponseHead(text)?.headers, wanted);
      },
    ),
  );
  // Any bytes: no more lines than there are line ends, none with a line end inside.
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'\r\n:a1 \t\u0000\u0085') }), (noise) => {
      const head = parseResponseHead(`HTTP/1.1 200 OK\r\n${noise}`);
      const values = Object.values(head?.headers ?? {}).flat();
      assert.ok(values.length <= noise.split('\r\n').length);
      assert.ok(values.every((one) => one !== undefined && !/[\r\n\0]/.test(one)));
    }),
  );
});
