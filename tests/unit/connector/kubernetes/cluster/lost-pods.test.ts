import { describe, expect, it } from "vitest";
import type { PodObject } from "../../../../../connector/kubernetes/cluster/cluster.ts";
import { LostPods } from "../../../../../connector/kubernetes/cluster/lost-pods.ts";
import { FakeView } from "../exports/fake-view.ts";
import { podOf } from "../imports/objects.ts";

const pod = (name: string, isReady = true) => podOf(name, "10.244.0.1", isReady);

function setUp() {
  const view = new FakeView<PodObject>();
  const lost = new LostPods(view, "fairlead", "self");
  view.put(pod("self"), pod("other"));
  view.sync();
  return { view, lost };
}

describe("A connector's pod", () => {
  it("is lost once it is not ready, or no more, and until it is ready again", () => {
    const { view, lost } = setUp();
    expect(lost.has("other")).toBe(false);
    view.put(pod("other", false));
    expect(lost.has("other")).toBe(true);
    view.put(pod("other"));
    expect(lost.has("other")).toBe(false);
    view.remove("fairlead", "other");
    expect(lost.has("other")).toBe(true);
  });

  it("is not lost before it was ready, nor where there is none", () => {
    const { view, lost } = setUp();
    view.put(pod("third", false));
    expect([lost.has("third"), lost.has("a-process-in-no-pod")]).toEqual([false, false]);
  });

  it("is lost for no connector that is not ready itself", () => {
    const { view, lost } = setUp();
    view.put(pod("self", false), pod("other", false));
    expect(lost.has("other")).toBe(false);
  });
});
