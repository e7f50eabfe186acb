/** Counts the rows that a Durable Object's database reads and writes, as they are billed. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";

/** Rows, with one written row for each alarm that is set. */
export interface RowCount {
  readonly read: number;
  readonly written: number;
}

interface Counter {
  readonly cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[];
  alarms: number;
}

const counters = new WeakMap<DurableObjectStorage, Counter>();

/** The counter of an object's storage, which from now on counts. */
function counterOf(storage: DurableObjectStorage): Counter {
  const known = counters.get(storage);
  if (known !== undefined) return known;
  const counter: Counter = { cursors: [], alarms: 0 };
  counters.set(storage, counter);
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  sql.exec = ((query: string, ...values: SqlStorageValue[]) => {
    const cursor = exec(query, ...values);
    counter.cursors.push(cursor);
    return cursor;
  }) as SqlStorage["exec"];
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = (time, options) => {
    counter.alarms += 1;
    return setAlarm(time, options);
  };
  return counter;
}

/** Lets an object hibernate, then counts the rows of what is done with it. What it reads to wake is not counted. */
export async function rowsOf(stub: DurableObjectStub, work: () => Promise<unknown>): Promise<RowCount> {
  await evictDurableObject(stub, { webSockets: "hibernate" });
  await runInDurableObject(stub, (_, { storage }) => {
    const counter = counterOf(storage);
    counter.cursors.length = 0;
    counter.alarms = 0;
  });
  await work();
  return await runInDurableObject(stub, (_, { storage }) => {
    const { cursors, alarms } = counterOf(storage);
    return {
      read: cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      written: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, alarms),
    };
  });
}
