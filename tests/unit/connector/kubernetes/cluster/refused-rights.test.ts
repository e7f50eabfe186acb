import { describe, expect, it } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import {
  RefusedRights,
  rightOf,
  rightText,
} from "../../../../../connector/kubernetes/cluster/refused-rights.ts";

describe("A right", () => {
  it.each([
    [rightOf("list", KINDS.services, "shop"), "list services in the namespace shop"],
    [
      rightOf("watch", KINDS.endpointSlices, undefined),
      "watch endpointslices.discovery.k8s.io in all namespaces",
    ],
    [rightOf("list", KINDS.namespaces, "shop"), "list namespaces in all namespaces"],
    [
      rightOf("update", KINDS.serviceExports, "shop", "/status"),
      "update serviceexports.multicluster.x-k8s.io/status in the namespace shop",
    ],
  ])("is named by verb, resource and namespace", (right, text) => {
    expect(rightText(right)).toBe(text);
  });
});

describe("Rights that are refused", () => {
  it("are told once each, and once when they are there again", () => {
    const told: string[] = [];
    const rights = new RefusedRights(
      (right) => told.push(`refused ${right.verb}`),
      (right) => told.push(`granted ${right.verb}`),
    );
    const list = rightOf("list", KINDS.services, "shop");
    const watch = rightOf("watch", KINDS.services, "shop");
    rights.granted(list);
    for (const right of [list, list, watch, list]) rights.refused(right);
    expect(rights.list()).toEqual([list, watch]);
    for (const right of [list, list]) rights.granted(right);
    expect(rights.list()).toEqual([watch]);
    rights.refused(list);
    expect(told).toEqual(["refused list", "refused watch", "granted list", "refused list"]);
  });
});
