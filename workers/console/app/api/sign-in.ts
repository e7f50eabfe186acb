/** Signing in and out. */
import type { QueryClient } from "@tanstack/react-query";
import { ConsoleSession, type SignIn } from "../../../../protocol/api/console.ts";
import { call } from "./client.ts";
import { sessionQuery } from "./queries.ts";

/** Where the browser goes to sign in at the provider of identity tokens. It comes back to `next`. */
export const providerPath = (next: string): string =>
  `/v1/session/oidc?${new URLSearchParams({ next }).toString()}`;

/** Signs in. What was read as nobody, or as somebody else, is forgotten. @throws ApiError */
export async function signIn(queries: QueryClient, proof: SignIn): Promise<void> {
  const session = await call("/v1/session", ConsoleSession, { method: "POST", body: proof });
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, session);
}

/** Signs out. @throws ApiError */
export async function signOut(queries: QueryClient): Promise<void> {
  const session = await call("/v1/session", ConsoleSession, { method: "DELETE" });
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, session);
}

/** Takes the secret of a one-time link out of the address, at once: it stays in no history. Null without one. */
export function takeLinkSecret(): string | null {
  const secret = new URLSearchParams(location.hash.slice(1)).get("link");
  if (secret === null) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return secret;
}

/** Why the one-time link with which the page was opened did not sign in; null otherwise. */
let linkFailure: unknown = null;

export const keepLinkFailure = (error: unknown): void => {
  linkFailure = error;
};

/** Returns the failure once. */
export function takeLinkFailure(): unknown {
  const failure = linkFailure;
  linkFailure = null;
  return failure;
}
