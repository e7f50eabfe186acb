/**
 * Writes the Helm chart, the kustomize bases and the table of rights in docs/kubernetes.md from the templates in
 * connector/kubernetes/manifest/: `npm run docs`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import * as z from "zod";
import { FILES, manifestFile } from "../connector/kubernetes/manifest/manifest.ts";
import { printDocuments } from "../connector/kubernetes/manifest/print.ts";
import { RIGHTS, type Right } from "../connector/kubernetes/manifest/rights.ts";
import { commented, type Node } from "../connector/kubernetes/manifest/template.ts";
import { DEFAULTS, Values } from "../connector/kubernetes/manifest/values.ts";
import { version } from "../connector/version.ts";
import { replaceSection } from "./section.ts";

const ROOT = join(import.meta.dirname, "..");
const CHART = "connector/kubernetes/chart";

/** The namespace of the kustomize bases, which an overlay replaces. */
const NAMESPACE = "fairlead";

const MADE = "Made by `npm run docs` from connector/kubernetes/manifest/.";

/** The generated files of the chart and of the bases, by their paths from the root. */
export function chartFiles(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {
    [`${CHART}/Chart.yaml`]: chartYaml(),
    [`${CHART}/values.yaml`]: valuesYaml(),
    [`${CHART}/values.schema.json`]: valuesSchema(),
  };
  for (const [file, nodes] of Object.entries(FILES))
    files[`${CHART}/templates/${file}`] = `{{- /* ${MADE} */ -}}\n${printDocuments(nodes)}`;
  for (const clusterWide of [false, true]) {
    const folder = `${CHART}/kustomize/${clusterWide ? "cluster-wide" : "namespace"}`;
    const values = { ...DEFAULTS, clusterWide };
    const resources: string[] = [];
    for (const file of Object.keys(FILES)) {
      const filled = manifestFile(file, values, NAMESPACE);
      if (filled.length === 0) continue;
      resources.push(file);
      files[`${folder}/${file}`] = `# ${MADE}\n${printDocuments(filled)}`;
    }
    files[`${folder}/kustomization.yaml`] = kustomization(resources);
  }
  return files;
}

const chartYaml = () =>
  `# ${MADE}\n${stringify({
    apiVersion: "v2",
    name: "fairlead",
    description:
      "A connector, which joins a cluster to a network of services in other clusters and machines.",
    type: "application",
    version: version(),
    appVersion: version(),
    // Ranges of ports in a NetworkPolicy are stable since 1.25.
    kubeVersion: ">=1.25.0-0",
    keywords: ["multi-cluster", "service-mesh", "tunnel"],
  })}`;

const kustomization = (resources: readonly string[]) =>
  `# ${MADE}\n${stringify({
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: NAMESPACE,
    resources,
  })}`;

/** The default values, each with its description as a comment. */
const valuesYaml = () =>
  `# ${MADE}\n\n${Object.entries(describedDefaults(Values, DEFAULTS))
    .map((entry) => printDocuments([Object.fromEntries([entry])]))
    .join("\n")}`;

function describedDefaults(schema: z.ZodObject, defaults: object): Readonly<Record<string, Node>> {
  return Object.fromEntries(
    Object.entries(defaults).map(([key, value]) => {
      const field = schema.shape[key];
      const inner = field === undefined ? undefined : objectIn(field);
      const shown: Node = inner === undefined ? value : describedDefaults(inner, value);
      return [key, field?.description === undefined ? shown : commented(field.description, shown)];
    }),
  );
}

/** The object that a field with a default is. */
function objectIn(field: unknown): z.ZodObject | undefined {
  if (field instanceof z.ZodObject) return field;
  if (field instanceof z.ZodDefault || field instanceof z.ZodPrefault) return objectIn(field.unwrap());
  return undefined;
}

/** Draft 7 is the version that all releases of Helm read. */
function valuesSchema(): string {
  const schema = z.toJSONSchema(Values, { io: "input", target: "draft-7" });
  // Helm passes these to a chart that is part of another one.
  const properties = { ...schema.properties, global: { type: "object" } };
  return `${JSON.stringify({ ...schema, properties }, null, 2)}\n`;
}

/** The rights as a table. */
function rightsTable(): string {
  const code = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");
  const row = (where: string, { group, resources, verbs, names, reason, condition }: Right) => {
    const only = names === undefined ? "" : ` ${code(names.map((name) => name.parts.map(partOf).join("")))}`;
    const of = group === "" ? "" : ` (${group})`;
    const needs = condition === undefined ? "" : ` Only with \`${condition}\`.`;
    return `| ${where} | ${code(resources)}${of}${only} | ${verbs.join(", ")} | ${reason}${needs} |`;
  };
  return [
    "| where | resources | verbs | why |",
    "|---|---|---|---|",
    ...RIGHTS.flatMap(({ where, rights }) => rights.map((right) => row(where, right))),
  ].join("\n");
}

const partOf = (part: unknown) => (typeof part === "string" ? part : DEFAULTS.name);

/** Puts the table into the page. @throws Error when the marks of the table are missing */
export const withRights = (page: string) => replaceSection(page, "rights", rightsTable());

/** The values as a table. */
function valuesTable(): string {
  const rows = (schema: z.ZodObject, defaults: object, prefix: string): string[] =>
    Object.entries(defaults).flatMap(([key, value]) => {
      const field = schema.shape[key];
      const inner = field === undefined ? undefined : objectIn(field);
      const path = `${prefix}${key}`;
      if (inner !== undefined && field?.description !== undefined && key !== "resources")
        return rows(inner, value, `${path}.`);
      return [`| \`${path}\` | \`${JSON.stringify(value)}\` | ${field?.description ?? ""} |`];
    });
  return ["| value | default | what it is |", "|---|---|---|", ...rows(Values, DEFAULTS, "")].join("\n");
}

/** Puts the table into the page. @throws Error when the marks of the table are missing */
export const withValues = (page: string) => replaceSection(page, "values", valuesTable());

if (import.meta.main) {
  for (const [file, text] of Object.entries(chartFiles())) {
    await mkdir(dirname(join(ROOT, file)), { recursive: true });
    await writeFile(join(ROOT, file), text);
  }
  for (const [file, change] of [
    ["docs/kubernetes.md", withRights],
    [`${CHART}/README.md`, withValues],
  ] as const)
    await writeFile(join(ROOT, file), change(await readFile(join(ROOT, file), "utf8")));
}
