/**
 * The annotations of Skupper 1 for exposing, as Fairlead's settings. What has no counterpart is told to the object, with
 * what to do instead.
 */
import { quoted, type Setting, type SettingName, type Settings } from "./settings.ts";
import { Unexposable, type Warning } from "./warning.ts";

export const SKUPPER_PREFIX = "skupper.io/";
/** Skupper's note of the selector that a Service had before Skupper changed it. */
const ORIGINAL_SELECTOR = "internal.skupper.io/originalSelector";

/** Annotations with a counterpart that takes the same values. */
const SAME: readonly (readonly [theirs: string, SettingName])[] = [
  ["proxy", "protocol"],
  ["address", "address"],
  ["port", "port"],
  ["headless", "headless"],
];

const POD_RESOURCES =
  "No pod is made for a service: set it for the pods of the connector with `fairlead kubernetes manifest`.";

/** Annotations without a counterpart, and what to do instead. */
const WITHOUT_COUNTERPART: readonly (readonly [theirs: string, instead: string])[] = [
  ["ingress", "The option --kubernetes-import decides where Services are made."],
  ["tls-cert", "Traffic between sites is always encrypted. Use --listen-tls for TLS to clients."],
  ["tls-trust", "Traffic between sites is always encrypted. Use --target-tls for TLS to pods."],
  ["service-labels", "Make a ServiceExport with exportedLabels."],
  ["service-annotations", "Make a ServiceExport with exportedAnnotations."],
  ["cpu-request", POD_RESOURCES],
  ["memory-request", POD_RESOURCES],
  ["cpu-limit", POD_RESOURCES],
  ["memory-limit", POD_RESOURCES],
  ["affinity", POD_RESOURCES],
  ["anti-affinity", POD_RESOURCES],
  ["node-selector", POD_RESOURCES],
];

type Find = (theirs: string) => Setting | undefined;

/**
 * The settings that Skupper's annotations stand for. None without `skupper.io/proxy`, which Skupper requires.
 * @throws Unexposable when what is asked for would not be what is exposed.
 */
export function fromSkupper(
  name: string,
  annotations: Readonly<Record<string, string>>,
): { readonly settings: Settings; readonly warnings: readonly Warning[] } {
  const find: Find = (theirs) => {
    const annotation = SKUPPER_PREFIX + theirs;
    const value = annotations[annotation];
    return value === undefined ? undefined : { annotation, value: value.trim() };
  };
  const proxy = find("proxy");
  if (proxy === undefined) return { settings: {}, warnings: [] };
  checkMeaning(name, find);
  if (annotations[ORIGINAL_SELECTOR] !== undefined) {
    throw unsupported(
      "Skupper has changed the selector of this Service, so that it leads to Skupper's router. Remove the Service from Skupper first, which restores the selector.",
    );
  }
  const settings: Settings = { expose: { ...proxy, value: "true" } };
  for (const [theirs, setting] of SAME) {
    const found = find(theirs);
    if (found !== undefined) settings[setting] = found;
  }
  const warnings = WITHOUT_COUNTERPART.flatMap(([theirs, instead]): Warning[] => {
    const found = find(theirs);
    if (found === undefined) return [];
    const note = `The annotation ${found.annotation} has no effect. ${instead}`;
    return [{ reason: "UnsupportedAnnotation", note }];
  });
  return { settings, warnings };
}

function checkMeaning(name: string, find: Find): void {
  const target = find("target");
  if (target !== undefined && target.value !== name) {
    throw unsupported(
      `The annotation ${target.annotation} is not followed, since no Service is ever changed. Annotate the Service ${quoted(target.value)} itself with fairlead.dev/expose and the fairlead.dev/address that it is to have.`,
    );
  }
  const ingressOnly = find("ingress-only");
  if (ingressOnly !== undefined) {
    throw unsupported(
      `The annotation ${ingressOnly.annotation} asks for a Service without targets. Remove the annotations: every service of the network gets a Service in the namespaces of --kubernetes-import.`,
    );
  }
}

const unsupported = (note: string): Unexposable => new Unexposable("UnsupportedAnnotation", note);
