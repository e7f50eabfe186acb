/** The record of one stream or one request, as one connector saw it. Queries, cookies and credentials are in none. */
import * as z from "zod";
import { SessionId, SiteId } from "../ids.ts";
import { shownText } from "../text.ts";
import { Side, TrafficProtocol } from "./series.ts";

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const duration = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** A record as a connector sends it. */
export const FlowRecord = z.object({
  kind: z.enum(["stream", "request"]),
  /** "open" for a stream that has not ended; everything else has. */
  state: z.enum(["open", "ended"]),
  /** When it began, ms since 1970 by the connector's clock. */
  at: z.number().int().min(0),
  side: Side,
  service: shownText(63),
  protocol: TrafficProtocol,
  /** The other end; null where it is unknown. A door is named "door". */
  peer: z.object({ site: SiteId.nullable(), name: shownText(63) }).nullable(),
  /** The client's address and port; null where it is unknown. */
  client: shownText(100).nullable(),
  /** The client's process or pod; null where it is unknown. */
  process: shownText(200).nullable(),
  target: shownText(300).nullable(),
  session: SessionId.nullable(),
  stream: z.number().int().min(0).nullable(),
  bytesToTarget: bytes,
  bytesToClient: bytes,
  /** Its duration so far, ms. */
  ms: duration,
  /** From its start to the first byte towards the client, ms; null without one. */
  firstByteMs: duration.nullable(),
  /** "completed", or the code of the error that ended it; null while it is open. */
  outcome: shownText(64).nullable(),
  /** Of requests alone. */
  method: shownText(32).optional(),
  authority: shownText(256).optional(),
  path: shownText(256).optional(),
  /** 0 without a response. */
  status: z.number().int().min(0).max(999).optional(),
  grpcStatus: z.number().int().optional(),
  attempts: z.number().int().min(1).optional(),
  /** The trace id, if the flow is traced. */
  trace: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
});
export type FlowRecord = z.infer<typeof FlowRecord>;

/** A record with the site of the connector that sent it. */
export const SiteFlowRecord = FlowRecord.extend({ site: z.object({ site: SiteId, name: shownText(63) }) });
export type SiteFlowRecord = z.infer<typeof SiteFlowRecord>;
