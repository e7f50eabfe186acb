/** Pages of the event log. */
import * as z from "zod";
import { NetworkEvent } from "../../../../protocol/api/events.ts";
import { apiPath, callWithHeaders } from "./client.ts";

/** Which events are wanted. */
export interface EventFilter {
  /** A type, or a group of types. */
  readonly type?: string | undefined;
  readonly site?: string | undefined;
}

const PAGE = 200;

/** Events before an id (the newest for null), oldest first, and whether there are older ones. @throws ApiError */
export async function eventsBefore(network: string, filter: EventFilter, before: number | null) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (before !== null) query.set("before", String(before));
  if (filter.type !== undefined) query.set("type", filter.type);
  if (filter.site !== undefined) query.set("site", filter.site);
  const path = `${apiPath`/v1/networks/${network}/events`}?${query.toString()}`;
  const { data, headers } = await callWithHeaders(path, z.array(NetworkEvent));
  return { events: data, more: headers.get("fairlead-more") === "true" };
}
