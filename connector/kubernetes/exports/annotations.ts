/** The annotations by which an object asks to be exposed: Fairlead's, and Skupper's where they are wanted. */
import { PREFIX, SERVICE_ANNOTATION } from "../cluster/names.ts";
import { SETTINGS, type SettingName, type Settings } from "./settings.ts";
import { fromSkupper, SKUPPER_PREFIX } from "./skupper-annotations.ts";
import type { Warning } from "./warning.ts";

type Annotations = Readonly<Record<string, string>>;

/** Fairlead's annotation for a setting. */
export const annotationOf = (setting: SettingName): string => `${PREFIX}/${setting}`;

/** Annotations of Fairlead that ask for nothing. */
const OTHERS: readonly string[] = [SERVICE_ANNOTATION];

/** Whether an object has an annotation of this room, so that it is worth a look. */
export function mayAsk(annotations: Annotations, skupper: boolean): boolean {
  for (const name in annotations) {
    if (name.startsWith(`${PREFIX}/`) && !OTHERS.includes(name)) return true;
    if (skupper && name.startsWith(SKUPPER_PREFIX)) return true;
  }
  return false;
}

/**
 * The settings of an object, and Warnings about annotations that set nothing. Fairlead's annotations win over Skupper's,
 * one by one.
 * @throws Unexposable for an annotation of Skupper that asks for something else than it would get.
 */
export function readSettings(
  { name, annotations }: { readonly name: string; readonly annotations: Annotations },
  { skupper }: { readonly skupper: boolean },
): { readonly settings: Settings; readonly warnings: readonly Warning[] } {
  const own = ownSettings(annotations);
  const isDecided = own.settings.expose !== undefined && own.settings.expose.value !== "true";
  if (!skupper || isDecided) return own;
  const theirs = fromSkupper(name, annotations);
  return {
    settings: { ...theirs.settings, ...own.settings },
    warnings: [...own.warnings, ...theirs.warnings],
  };
}

function ownSettings(annotations: Annotations) {
  const settings: Settings = {};
  const warnings: Warning[] = [];
  for (const [annotation, value] of Object.entries(annotations)) {
    if (!annotation.startsWith(`${PREFIX}/`) || OTHERS.includes(annotation)) continue;
    const setting = SETTINGS.find((each) => annotation === annotationOf(each));
    if (setting !== undefined) settings[setting] = { annotation, value: value.trim() };
    else {
      const known = SETTINGS.map(annotationOf).join(", ");
      const note = `The annotation ${annotation} has no effect. The annotations are ${known}.`;
      warnings.push({ reason: "UnknownAnnotation", note });
    }
  }
  return { settings, warnings };
}
