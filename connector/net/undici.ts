/**
 * What the connector uses of undici. The entry of the package loads all of its parts, from caches in SQLite to stand-ins
 * for tests, which is a fifth of the start of every command.
 */
import type { Dispatcher } from "undici";
import apiRequest from "undici/lib/api/api-request.js";
import buildConnector from "undici/lib/core/connect.js";
import Agent from "undici/lib/dispatcher/agent.js";

export type { Dispatcher };
export { Agent, buildConnector };

export type HttpRequest = Omit<Dispatcher.RequestOptions, "origin" | "path">;

/** Sends a request through a dispatcher. Redirects are not followed. @throws the error of a failed connection */
export async function request(
  dispatcher: Dispatcher,
  url: string,
  options: HttpRequest,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  return await apiRequest.call(dispatcher, { ...options, origin, path: `${pathname}${search}` });
}
