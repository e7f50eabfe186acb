/** Prints records of flows. */
import type { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";
import type { Printer } from "../framework/printer.ts";
import { byteCount } from "../views/bytes.ts";
import { milliseconds } from "../views/milliseconds.ts";

const TITLES = ["TIME", "FROM", "TO", "SERVICE", "CLIENT", "WHAT", "RESULT", "TIME TAKEN", "BYTES"] as const;

/** Prints records as a table. */
export function printFlows(out: Printer, flows: readonly SiteFlowRecord[]): void {
  out.table(
    TITLES,
    flows.map((flow) => cells(out, flow)),
  );
}

/** Prints a record as one line, for records that come one after another. */
export function printFlow(out: Printer, flow: SiteFlowRecord): void {
  const [time, from, to, service, client, what, result, taken, bytes] = cells(out, flow);
  const who = client === "" ? from : `${from} (${client})`;
  out.line(
    `${out.paint("dim", time ?? "")}  ${who} → ${to}/${service}  ${what}  ${result}  ${taken}  ${bytes}`,
    14,
  );
}

function cells(out: Printer, flow: SiteFlowRecord): string[] {
  const here = flow.site.name;
  const there = flow.peer?.name ?? "?";
  const [from, to] = flow.side === "listener" ? [here, there] : [there, here];
  const isRequest = flow.kind === "request";
  const what = isRequest ? `${flow.method} ${flow.path}` : flow.protocol;
  return [
    new Date(flow.at).toISOString().slice(11, 23),
    from,
    to,
    flow.service,
    flow.process ?? flow.client ?? "",
    what,
    resultOf(out, flow),
    milliseconds(flow.ms),
    `↑${byteCount(flow.bytesToTarget)} ↓${byteCount(flow.bytesToClient)}`,
  ];
}

function resultOf(out: Printer, { state, outcome, kind, status = 0, grpcStatus }: SiteFlowRecord): string {
  if (state === "open") return out.paint("cyan", "open");
  if (outcome !== "completed") return out.paint("red", outcome ?? "failed");
  if (kind === "stream") return "completed";
  const code = grpcStatus === undefined ? String(status) : `${status}, grpc ${grpcStatus}`;
  if (status >= 500 || (grpcStatus ?? 0) > 0) return out.paint("red", code);
  return status >= 400 ? out.paint("yellow", code) : code;
}
