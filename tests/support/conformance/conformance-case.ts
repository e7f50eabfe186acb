/** A conformance test: a case with the peers that it needs. It is skipped, with the reason, where one is missing. */
import { it, type TestContext } from "vitest";
import { type ConformancePeerName, missing } from "./peers.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Peers of a conformance test, for its row in the table. */
    peers?: readonly ConformancePeerName[];
  }
}

/** Defines a test. `title` names the case in the table of docs/conformance.md. */
export function conformanceCase(
  title: string,
  peers: readonly ConformancePeerName[],
  run: (context: TestContext) => Promise<void> | void,
): void {
  it(title, async (context) => {
    context.task.meta.peers = peers;
    const reasons = peers.map(missing).filter((reason) => reason !== null);
    if (reasons.length > 0) context.skip(reasons.join("; "));
    await run(context);
  });
}
