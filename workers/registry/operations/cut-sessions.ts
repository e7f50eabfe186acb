/** Cuts of live sessions: deletes the session, notifies its two instances, and ends its lanes. */
import * as z from "zod";
import type { ErrorCode } from "../../../protocol/errors.ts";
import { routerName } from "../../router/router-name.ts";
import type { Context } from "../context/context.ts";
import { SESSION_MEMORY_MS } from "../policy/sessions.ts";
import type { SessionRow } from "../store/store.ts";

const CUT_ATTEMPTS = 3;

/** The platform's mark on the error of a call whose object was aborted during the call. */
const AbortedObject = z.object({ durableObjectReset: z.literal(true) });

/**
 * Ends every session and lane between sites that are no longer connected, after a change of the link graph.
 * Retries the routers that an earlier attempt did not reach. Returns the number of sessions.
 */
export async function cutDisconnected(context: Context, code: ErrorCode): Promise<number> {
  const { sessions, pairs } = context.store;
  const linkGraph = context.linkGraph();
  const ended = sessions.all().filter(({ a, b }) => !linkGraph.canReach(a.site, b.site));
  const apart = pairs.all().filter(([left, right]) => !linkGraph.canReach(left, right));
  await cut(context, ended, apart, code);
  return ended.length;
}

/** Ends every session and lane of the network. */
export function cutEverything(context: Context, code: ErrorCode): Promise<void> {
  const { sessions, pairs } = context.store;
  return cut(context, sessions.all(), pairs.all(), code);
}

/**
 * Cuts sessions and routers. Routers are cut by pair, whether or not a session is known: even two colluding
 * sites keep no lane. A pair stays stored if its router cannot be reached. Sessions are stored and notified
 * before the promise is returned.
 */
async function cut(
  context: Context,
  sessions: readonly SessionRow[],
  pairs: readonly (readonly [string, string])[],
  code: ErrorCode,
): Promise<void> {
  const { store } = context;
  const network = store.network.get();
  if (!network) return;
  const now = context.now();
  store.cuts.prune(now - SESSION_MEMORY_MS);
  for (const session of sessions) cutSession(context, session, code);
  await Promise.all(
    pairs.map(async ([left, right]) => {
      // Deleted first: a session that is granted during the wait stores the pair again.
      store.pairs.forget(left, right);
      try {
        await cutRouter(context, routerName(network.id, left, right));
      } catch (thrown) {
        store.pairs.note(left, right);
        throw thrown;
      }
    }),
  );
}

/** Ends one session. Connected instances are notified now, absent ones when they return. */
export function cutSession(context: Context, session: SessionRow, code: ErrorCode): void {
  const { store, uplinks } = context;
  store.sessions.delete(session.id);
  store.cuts.note(session, code, context.now());
  for (const instance of [session.a, session.b]) {
    for (const uplink of uplinks.ofInstance(instance)) {
      uplinks.send(uplink, { type: "session.cut", session: session.id, code });
    }
  }
}

/** Rethrows the platform's error if the router cannot be reached. */
async function cutRouter({ routers }: Context, name: string): Promise<void> {
  for (let left = CUT_ATTEMPTS - 1; ; left--) {
    try {
      await routers.cut(name);
      return;
    } catch (thrown) {
      // The call fails with the object that it aborts, so this error means success.
      if (AbortedObject.safeParse(thrown).success) return;
      if (left === 0) throw thrown;
    }
  }
}
