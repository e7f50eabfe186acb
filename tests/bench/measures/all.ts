/** Every measure, in the order of the table. */
import { BULK } from "./bulk.ts";
import { CONNECTIONS } from "./connections.ts";
import { DNS } from "./dns.ts";
import { EXCHANGES } from "./exchanges.ts";
import { GRPC } from "./grpc.ts";
import { IDLE } from "./idle.ts";
import type { Measure } from "./measure.ts";
import { MIXED } from "./mixed.ts";
import { POSTGRES } from "./postgres.ts";
import { REQUESTS } from "./requests.ts";
import { START } from "./start.ts";
import { TELEMETRY } from "./telemetry.ts";

export const MEASURES: readonly Measure[] = [
  ...BULK,
  ...REQUESTS,
  ...EXCHANGES,
  ...TELEMETRY,
  ...GRPC,
  CONNECTIONS,
  DNS,
  ...POSTGRES,
  MIXED,
  IDLE,
  START,
];
