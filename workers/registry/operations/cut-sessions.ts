/** Cutting sessions live: a session ends with its row, its two ends are told, and the lanes under it are torn. */
import { z } from "zod";
import type { ErrorCode } from "../../../protocol/errors.ts";
import { routerName } from "../../router/router-name.ts";
import type { Context } from "../context/context.ts";
import { SESSION_MEMORY_MS } from "../policy/sessions.ts";
import type { SessionRow } from "../store/store.ts";

const CUT_ATTEMPTS = 3;

/** How the platform marks the error of a call whose object was aborted under it. */
const AbortedObject = z.object({ durableObjectReset: z.literal(true) });

/**
 * After a change of the link graph: ends every session and lane between sites that no links connect any more, and
 * gives the number of sessions. What an earlier attempt could not reach is tried again.
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
 * The routers of the pairs are cut, whether or not a session is known: so not even two conspiring sites keep a
 * lane; a pair whose router cannot be reached stays known. What is stored and sent about the sessions happens before this returns its promise.
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
      // Forgotten first: a session that is allowed while this waits is noted anew.
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

/** Ends one session: tells those of its processes that are there, and the others when they come back. */
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

/** Throws what the platform threw when the router could not be reached. */
async function cutRouter({ routers }: Context, name: string): Promise<void> {
  for (let left = CUT_ATTEMPTS - 1; ; left--) {
    try {
      await routers.cut(name);
      return;
    } catch (thrown) {
      // The call ends with the object that it aborts: that is the success.
      if (AbortedObject.safeParse(thrown).success) return;
      if (left === 0) throw thrown;
    }
  }
}
