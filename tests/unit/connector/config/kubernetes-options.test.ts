import { describe, expect, it } from "vitest";
import { parseConfigFile } from "../../../../connector/config/config-file.ts";
import {
  mergeKubernetes,
  parseImport,
  parseKubernetesName,
  parseNamespace,
  parsePortRange,
  parseSwitch,
  parseWatch,
} from "../../../../connector/config/kubernetes-options.ts";

const DEFAULTS = {
  kubeconfig: undefined,
  context: undefined,
  namespace: undefined,
  watch: undefined,
  import: undefined,
  events: true,
  mcs: true,
  skupperAnnotations: false,
  name: "fairlead",
  ports: { from: 20_000, to: 29_999 },
};

describe("Options of a cluster", () => {
  it.each([
    ["shop", ["shop"]],
    ["shop, billing,shop", ["shop", "billing"]],
    ["all", null],
  ])("watch %s", (text, namespaces) => {
    expect(parseWatch(text)).toEqual(namespaces);
  });

  it("import into namespaces, or none", () => {
    expect(parseImport("shop,billing")).toEqual(["shop", "billing"]);
    expect(parseImport("none")).toEqual([]);
  });

  it.each([
    [parseWatch, "", '"" is not the name of a namespace.'],
    [parseImport, "shop,,x", '"" is not the name of a namespace.'],
    [parseNamespace, "Shop", '"Shop" is not the name of a namespace.'],
    [
      parseKubernetesName,
      "a".repeat(41),
      `"${"a".repeat(41)}" is not a name of 1 to 40 of a-z, 0-9 and "-".`,
    ],
    [parsePortRange, "80-90", '"80-90": the form is FROM-TO, with ports from 1024 to 65535.'],
    [parsePortRange, "3000-2000", '"3000-2000": the form is FROM-TO, with ports from 1024 to 65535.'],
    [parsePortRange, "2000", '"2000": the form is FROM-TO, with ports from 1024 to 65535.'],
    [parseSwitch, "yes", '"yes" is neither on nor off.'],
  ])("refuse a value of another form with what the form is", (parse, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it("are those of a pod or of a kubeconfig, with defaults", () => {
    expect(mergeKubernetes({}, { inPod: true })).toEqual(DEFAULTS);
    expect(mergeKubernetes({}, { kubeconfig: "a.yaml", context: "shop" })).toEqual({
      ...DEFAULTS,
      kubeconfig: "a.yaml",
      context: "shop",
    });
    expect(mergeKubernetes({}, { inPod: false })).toBeUndefined();
  });

  it("replace those of the file one by one, and its cluster as a whole", () => {
    const file = { kubeconfig: "file.yaml", context: "shop", watch: ["shop"], events: false };
    expect(mergeKubernetes(file, { watch: null })).toMatchObject({
      ...{ kubeconfig: "file.yaml", context: "shop", watch: null, events: false },
    });
    expect(mergeKubernetes(file, { inPod: true })).toMatchObject({
      ...{ kubeconfig: undefined, context: undefined, watch: ["shop"] },
    });
    expect(mergeKubernetes({ inPod: true }, { kubeconfig: "a.yaml" })).toMatchObject({
      kubeconfig: "a.yaml",
    });
  });

  it("refuse two clusters, settings without a cluster, and a context of a pod", () => {
    expect(() => mergeKubernetes({}, { inPod: true, kubeconfig: "a.yaml" })).toThrow(
      "--kubernetes and --kubeconfig name two clusters",
    );
    expect(() => mergeKubernetes({}, { watch: ["shop"] })).toThrow("no cluster. Add --kubernetes");
    expect(() => mergeKubernetes({}, { inPod: true, context: "a" })).toThrow("--kubernetes-context is for");
  });

  it("are a field of the configuration file", async () => {
    const read = async (text: string) => (await parseConfigFile(text, "west.yaml")).kubernetes;
    expect(await read("kubernetes: {}")).toMatchObject({ inPod: true });
    const text =
      "kubernetes: {kubeconfig: a.yaml, watch: all, events: off, skupper-annotations: true, ports: 3000-4000}";
    expect(await read(text)).toMatchObject({
      ...{ inPod: false, kubeconfig: "a.yaml", watch: null, events: false, skupperAnnotations: true },
      ports: { from: 3000, to: 4000 },
    });
    await expect(read("kubernetes: {watch: Shop}")).rejects.toThrow(
      'west.yaml:1:21: kubernetes.watch: "Shop" is not the name of a namespace.',
    );
  });
});
