/** COPY … FROM STDIN, which the driver alone would answer with a failure of its own. */
import pg from 'pg';

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

class CopyIn extends pg.Query {
  readonly #rows: string;

  constructor(sql: string, rows: string) {
    super(sql);
    this.#rows = rows;
  }

  /** Called by the driver once the server is ready for the rows. */
  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(Buffer.from(this.#rows));
    connection.endCopyFrom();
  }
}

/** Sends `rows`, lines of PostgreSQL's text format; resolves when the server has taken them. */
export function copyIn(client: pg.Client, sql: string, rows: string): Promise<void> {
  const query = new CopyIn(sql, rows);
  return new Promise((resolve, reject) => {
    query.once('end', () => resolve());
    query.once('error', reject);
    client.query(query);
  });
}
