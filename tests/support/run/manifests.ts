/** The manifests of examples/kubernetes and the image that they run, as far as they concern the connector. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ROOT } from "../process/cluster.ts";

const Probe = z.object({
  exec: z.object({ command: z.array(z.string()).min(1) }),
  periodSeconds: z.number().int().positive(),
  timeoutSeconds: z.number().int().positive(),
  failureThreshold: z.number().int().positive(),
});

const Labels = z.record(z.string(), z.string());
const Metadata = z.object({ name: z.string(), namespace: z.string().optional(), labels: Labels.optional() });

/** Strict schemas, because a cluster ignores or refuses a misspelt field. */
const Container = z.strictObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  startupProbe: Probe,
  livenessProbe: Probe,
  resources: z.object({
    requests: z.record(z.string(), z.string()),
    limits: z.record(z.string(), z.string()),
  }),
  securityContext: z.object({ readOnlyRootFilesystem: z.literal(true) }),
  volumeMounts: z.array(
    z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }),
  ),
});

const PodSpec = z.strictObject({
  automountServiceAccountToken: z.literal(false),
  terminationGracePeriodSeconds: z.number().int(),
  securityContext: z.object({
    runAsNonRoot: z.literal(true),
    runAsUser: z.number(),
    runAsGroup: z.number(),
    fsGroup: z.number(),
  }),
  containers: z.array(Container).length(1),
  volumes: z.array(
    z.union([
      z.strictObject({ name: z.string(), persistentVolumeClaim: z.object({ claimName: z.string() }) }),
      z.strictObject({ name: z.string(), configMap: z.object({ name: z.string() }) }),
      z.strictObject({
        name: z.string(),
        secret: z.object({ secretName: z.string(), optional: z.boolean() }),
      }),
    ]),
  ),
});

const Manifest = z.discriminatedUnion("kind", [
  z.strictObject({ apiVersion: z.literal("v1"), kind: z.literal("Namespace"), metadata: Metadata }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("ConfigMap"),
    metadata: Metadata,
    data: z.strictObject({ "connector.yaml": z.string() }),
  }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("PersistentVolumeClaim"),
    metadata: Metadata,
    spec: z.object({ accessModes: z.array(z.string()) }),
  }),
  z.strictObject({
    apiVersion: z.literal("apps/v1"),
    kind: z.literal("Deployment"),
    metadata: Metadata,
    spec: z.strictObject({
      replicas: z.literal(1),
      strategy: z.strictObject({ type: z.literal("Recreate") }),
      selector: z.strictObject({ matchLabels: Labels }),
      template: z.strictObject({ metadata: z.object({ labels: Labels }), spec: PodSpec }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("Service"),
    metadata: Metadata,
    spec: z.strictObject({
      selector: Labels,
      ports: z.array(
        z.strictObject({ name: z.string(), port: z.number().int(), targetPort: z.number().int() }),
      ),
    }),
  }),
]);

export type Manifest = z.infer<typeof Manifest>;

/** Reads the manifests of a file. @throws Error when one has another form */
export function readManifests(file: string): readonly Manifest[] {
  const text = readFileSync(join(ROOT, "examples/kubernetes", file), "utf8");
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return Manifest.parse(document.toJS());
  });
}

/** Returns the only manifest of a kind. @throws Error when there is none or several */
export function manifestOf<Kind extends Manifest["kind"]>(
  manifests: readonly Manifest[],
  kind: Kind,
): Extract<Manifest, { kind: Kind }> {
  const found = manifests.filter((each): each is Extract<Manifest, { kind: Kind }> => each.kind === kind);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`There is not exactly one ${kind}.`);
  return only;
}

/** Reads the properties of the image from connector/Dockerfile. */
export function readImage() {
  const text = readFileSync(join(ROOT, "connector/Dockerfile"), "utf8");
  const find = (pattern: RegExp) => {
    const [, value] = pattern.exec(text) ?? [];
    if (value === undefined) throw new Error(`connector/Dockerfile has no ${pattern}`);
    return value;
  };
  return {
    entrypoint: z.array(z.string()).parse(JSON.parse(find(/^ENTRYPOINT (\[.*\])$/m))),
    healthCheck: z.array(z.string()).parse(JSON.parse(find(/^HEALTHCHECK .* CMD (\[.*\])$/m))),
    user: find(/^USER (\S+)$/m),
    volume: find(/^VOLUME (\S+)$/m),
    stateVariable: find(/FAIRLEAD_STATE=(\S+)/),
  };
}
