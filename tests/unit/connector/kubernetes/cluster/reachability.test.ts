import { describe, expect, it, vi } from "vitest";
import { Reachability } from "../../../../../connector/kubernetes/cluster/reachability.ts";
import { type Log, silent } from "../../../../../connector/log.ts";

function stand() {
  const lines: string[] = [];
  const log: Log = {
    ...silent,
    warn: (_, message) => lines.push(`warn ${message}`),
    info: (_, message) => lines.push(`info ${message}`),
  };
  const onBack = vi.fn();
  return { lines, onBack, reachability: new Reachability(log, onBack) };
}

const refused = { status: null, message: "connect ECONNREFUSED" };

describe("The API server", () => {
  it("is unknown until a request was answered or failed", () => {
    const { reachability } = stand();
    expect(reachability.state).toEqual({ isUp: null, since: null, problem: null });
    reachability.answered(403);
    expect(reachability.state).toMatchObject({ isUp: true, problem: null });
  });

  it("is away from the first failure to the next answer, with one line for each", () => {
    const { reachability, lines, onBack } = stand();
    reachability.answered(200);
    for (let index = 0; index < 3; index++) reachability.unanswered(refused);
    expect(reachability.state).toMatchObject({
      isUp: false,
      problem: expect.stringContaining("ECONNREFUSED"),
    });
    expect(onBack).not.toHaveBeenCalled();
    reachability.answered(200);
    reachability.answered(200);
    expect(onBack).toHaveBeenCalledOnce();
    expect(lines).toEqual([
      "warn The Kubernetes API server does not answer (connect ECONNREFUSED).",
      expect.stringMatching(/^info The Kubernetes API server answers again, after \d+ s\.$/),
    ]);
  });

  it("counts as away while it does not accept the credentials", () => {
    const { reachability, lines } = stand();
    reachability.answered(401);
    expect(reachability.state.isUp).toBe(false);
    expect(lines).toEqual(["warn The Kubernetes API server does not accept the connector's credentials."]);
  });

  it("is not told to be away by the requests of a connector that stops", () => {
    const { reachability, lines } = stand();
    reachability.answered(200);
    reachability.close();
    reachability.unanswered(refused);
    expect(reachability.state.isUp).toBe(true);
    expect(lines).toEqual([]);
  });
});
