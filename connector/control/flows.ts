/** Selects records of flows for the control socket. */
import type { FlowPage, FlowQuery } from "../../protocol/api/traffic.ts";
import { matchesFlow, parseFlowFilter } from "../../protocol/telemetry/flow-filter.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";

/**
 * The newest records that match, oldest first.
 *
 * @param flows newest first
 * @throws FairleadError request.invalid when the filter cannot be parsed
 */
export function newestFlows(
  flows: Iterable<SiteFlowRecord>,
  { filter = "", since, limit }: FlowQuery,
): FlowPage {
  const terms = parseFlowFilter(filter);
  const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const found: SiteFlowRecord[] = [];
  for (const flow of flows) {
    if (flow.at < from || !matchesFlow(terms, flow)) continue;
    if (found.length === limit) return { flows: found.reverse(), more: true };
    found.push(flow);
  }
  return { flows: found.reverse(), more: false };
}
