/** Each construct of templates, as objects and as text for Helm. tests/system/kubernetes-install.test.ts runs Helm on it. */
import type { Deployment } from "kubernetes-types/apps/v1";
import { describe, expect, it } from "vitest";
import { fillAll, withoutComments } from "../../../../../connector/kubernetes/manifest/evaluate.ts";
import { printDocuments } from "../../../../../connector/kubernetes/manifest/print.ts";
import {
  commented,
  each,
  item,
  type Node,
  namespace,
  optional,
  orNamespace,
  plus,
  SPLICE,
  splice,
  type Template,
  text,
  value,
  when,
} from "../../../../../connector/kubernetes/manifest/template.ts";
import { Values } from "../../../../../connector/kubernetes/manifest/values.ts";

const filled = (node: Node, given: object = {}) =>
  fillAll([node], { values: Values.parse(given), namespace: "shop" });
const objects = (node: Node, given?: object) => filled(node, given).map(withoutComments);
const lines = (...nodes: readonly Node[]) => printDocuments(nodes).trimEnd().split("\n");

describe("a template", () => {
  it("has values and texts with holes, quoted where they are texts", () => {
    const node = { image: value("image"), replicas: value("replicas"), name: text`${value("name")}-x` };
    expect(objects(node, { image: "a:1", replicas: 3 })).toEqual([
      { image: "a:1", replicas: 3, name: "fairlead-x" },
    ]);
    expect(lines(node)).toEqual([
      "image: {{ .Values.image | quote }}",
      "replicas: {{ .Values.replicas }}",
      "name: {{ .Values.name }}-x",
    ]);
  });

  it("has fields under a condition, with another one otherwise", () => {
    const node = { always: 1, site: when(value("site"), text`is ${value("site")}`, "none") };
    expect(objects(node)).toEqual([{ always: 1, site: "none" }]);
    expect(objects(node, { site: "west" })).toEqual([{ always: 1, site: "is west" }]);
    expect(lines(node)).toEqual([
      "always: 1",
      "{{- if .Values.site }}",
      "site: is {{ .Values.site }}",
      "{{- else }}",
      "site: none",
      "{{- end }}",
    ]);
  });

  it("leaves out optional fields without a value", () => {
    const node = { a: 1, nodeSelector: optional("nodeSelector") };
    expect(objects(node)).toEqual([{ a: 1 }]);
    expect(objects(node, { nodeSelector: { pool: "edge" } })).toEqual([
      { a: 1, nodeSelector: { pool: "edge" } },
    ]);
    expect(lines(node).slice(1)).toEqual([
      "{{- with .Values.nodeSelector }}",
      "nodeSelector:",
      "  {{- toYaml . | nindent 2 }}",
      "{{- end }}",
    ]);
  });

  it("adds all fields of a map to others, and all items of a list", () => {
    const node = {
      labels: { own: "yes", [SPLICE]: splice("podLabels") },
      egress: [1, splice("networkPolicy.egress")],
    };
    expect(objects(node, { podLabels: { team: "net" }, networkPolicy: { egress: [{ to: [] }] } })).toEqual([
      { labels: { own: "yes", team: "net" }, egress: [1, { to: [] }] },
    ]);
  });

  it("repeats an item and a document for each entry, whose holes see the values from the root", () => {
    const node = each(orNamespace(value("watchNamespaces")), {
      namespace: item(),
      name: text`${value("name")}-${namespace}`,
    });
    expect(objects(node)).toEqual([{ namespace: "shop", name: "fairlead-shop" }]);
    expect(objects(node, { watchNamespaces: ["a", "b"] })).toEqual([
      { namespace: "a", name: "fairlead-shop" },
      { namespace: "b", name: "fairlead-shop" },
    ]);
    expect(lines(node)).toEqual([
      "{{- range .Values.watchNamespaces | default (list .Release.Namespace) }}",
      "---",
      "namespace: {{ . | quote }}",
      "name: {{ $.Values.name }}-{{ $.Release.Namespace }}",
      "{{- end }}",
    ]);
  });

  it("has the fields of its Kubernetes type alone", () => {
    // @ts-expect-error a field that is misspelt does not compile
    const misspelt: Template<Deployment> = { spec: { replica: 1 } };
    const right: Template<Deployment> = { kind: "Deployment", metadata: { name: value("name") } };
    expect([misspelt, right]).toHaveLength(2);
  });

  it("computes with numbers", () => {
    const node = { grace: plus(value("drainSeconds"), 15) };
    expect(objects(node, { drainSeconds: 60 })).toEqual([{ grace: 75 }]);
    expect(lines(node)).toEqual(["grace: {{ add .Values.drainSeconds 15 }}"]);
  });

  it("keeps comments in the text, filled or not, and not in objects", () => {
    const node = { rules: [commented("Why.", { verbs: ["get", "list"], name: value("name") })] };
    expect(objects(node)).toEqual([{ rules: [{ verbs: ["get", "list"], name: "fairlead" }] }]);
    const text = ["rules:", "  # Why.", "  - verbs: [get, list]"];
    expect(lines(node)).toEqual([...text, "    name: {{ .Values.name | quote }}"]);
    expect(lines(...filled(node))).toEqual([...text, "    name: fairlead"]);
  });

  it("prints texts that YAML would take for something else in quotes", () => {
    expect(lines({ a: "on", b: "1", c: "", d: "a: b", e: ["*", "x, y"] })).toEqual([
      'a: "on"',
      'b: "1"',
      'c: ""',
      'd: "a: b"',
      'e: ["*", "x, y"]',
    ]);
  });
});
