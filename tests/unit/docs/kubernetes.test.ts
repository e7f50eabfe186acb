/** The manifests of examples/kubernetes: agreed with themselves, with the connector and with its image. */
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../connector/cli/commands.ts";
import { parseConfigFile } from "../../../connector/config/config-file.ts";
import { manifestOf, readImage, readManifests } from "../../support/run/manifests.ts";

/** The user of the image, which any user in group 0 may replace. */
const IMAGE_USER = 1000;

const pathOf = (words: readonly string[]) =>
  COMMANDS.find(({ path }) => path.every((word, index) => words[index] === word));

describe.each(["backend", "frontend"])("examples/kubernetes/%s.yaml", (site) => {
  const manifests = readManifests(`${site}.yaml`);
  const image = readImage();
  const { spec } = manifestOf(manifests, "Deployment");
  const pod = spec.template.spec;
  const [container] = pod.containers;
  if (container === undefined) throw new Error("the pod has no container");
  const mountOf = (path: string) =>
    container.volumeMounts.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
  const config = parseConfigFile(manifestOf(manifests, "ConfigMap").data["connector.yaml"], "the ConfigMap");

  it("has everything in the namespace that it makes", () => {
    const { name } = manifestOf(manifests, "Namespace").metadata;
    for (const { kind, metadata } of manifests)
      expect(metadata.namespace, kind).toBe(kind === "Namespace" ? undefined : name);
  });

  it("configures the site of its name", async () => {
    expect((await config).site).toBe(site);
  });

  it("gives the image's command only options that it has", () => {
    const [, , ...words] = image.entrypoint;
    const command = pathOf(words);
    expect(command?.path).toEqual(["connector", "run"]);
    const flags = container.args.filter((word) => word.startsWith("--") && word !== "--json");
    const known = Object.values(command?.options ?? {}).map((option) => option.flags.split(" ")[0]);
    expect(flags.filter((flag) => !known.includes(flag))).toEqual([]);
    expect(flags).toContain("--config");
  });

  it("mounts what the image, the arguments and the configuration name, at these paths", async () => {
    const { tokens = [] } = await config;
    const configFile = container.args[container.args.indexOf("--config") + 1] ?? "";
    expect(image.volume).toBe(image.stateVariable);
    expect(mountOf(image.volume)?.readOnly).not.toBe(true);
    expect(configFile).toBe(`${mountOf(configFile)?.mountPath}/connector.yaml`);
    expect(tokens).toHaveLength(1);
    for (const token of tokens) expect(token).toBe(`${mountOf(token)?.mountPath}/token.yaml`);
  });

  it("has a volume for every mount, of an object that exists or that the page makes", () => {
    const sources = new Map(pod.volumes.map(({ name, ...source }) => [name, source]));
    expect([...sources.keys()].sort()).toEqual(container.volumeMounts.map(({ name }) => name).sort());
    expect(sources.get("state")).toEqual({
      persistentVolumeClaim: { claimName: manifestOf(manifests, "PersistentVolumeClaim").metadata.name },
    });
    expect(sources.get("config")).toEqual({
      configMap: { name: manifestOf(manifests, "ConfigMap").metadata.name },
    });
    expect(sources.get("token")).toEqual({ secret: { secretName: "fairlead-token", optional: true } });
  });

  it("runs as the user of the image", () => {
    expect(image.user).toBe(`${IMAGE_USER}:0`);
    const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
    expect([runAsUser, runAsGroup, fsGroup]).toEqual([IMAGE_USER, IMAGE_USER, IMAGE_USER]);
  });

  it("checks the connector with the image's program and a command that exists", () => {
    for (const { exec } of [container.startupProbe, container.livenessProbe]) {
      const [node, program, ...words] = exec.command;
      expect([node, program]).toEqual(image.entrypoint.slice(0, 2));
      expect(pathOf(words)?.path).toEqual(["status"]);
      expect(words.at(-1)).toBe(image.volume);
    }
  });

  it("leaves the connector more time to end than its connections have to finish", async () => {
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan((await config).drain ?? 30);
  });

  it("selects its own pods", async () => {
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    const listeners = (await config).listen ?? [];
    const services = manifests.filter((each) => each.kind === "Service");
    expect(services.map(({ metadata }) => metadata.name)).toEqual(listeners.map(({ name }) => name));
    for (const service of services) {
      expect(service.spec.selector).toEqual(labels);
      const ports = service.spec.ports.map(({ targetPort }) => targetPort);
      expect(ports).toEqual(
        listeners.filter(({ name }) => name === service.metadata.name).map(({ port }) => port),
      );
    }
  });
});
