/**
 * Finds what the sources tell users to do: the texts that become the `action` of an error. A text counts when it is
 * the value of a field, constant or function whose name says so ({@link isActionName}), or a value of a table whose
 * name ends with ACTIONS.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "vitest/node";

/** One text that tells a user what to do. */
export interface ActionText {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly line: number;
  /** The text, with NAME in place of what is known at run time only. */
  readonly text: string;
}

/** Text in place of an expression. */
const PLACEHOLDER = "NAME";

/** A node of the syntax tree, as far as this module looks at it. */
export type Node = { readonly type: string; readonly start: number } & Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

const isActionName = (name: string) => /^action$|Action$|_ACTION$|^(?:[A-Z]+_)*SOURCE$/.test(name);
/** The action of a Kubernetes Event, which is one word for programs: `CreateService`. */
const isEventAction = (text: string) => /^(?:[A-Z][a-z]+)+$/.test(text);
const isTableName = (name: string) => /^ACTIONS$|_ACTIONS$/.test(name);

/** The texts in one source. */
export function actionsIn(file: string, source: string): ActionText[] {
  const found: ActionText[] = [];
  const add = (value: unknown) => {
    for (const { text, start } of textsOf(value)) {
      if (isEventAction(text)) continue;
      found.push({ file, line: source.slice(0, start).split("\n").length, text });
    }
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) visit(each);
    if (!isNode(value)) return;
    const name = nameOf(value);
    if (name !== null && isActionName(name)) add(bodyOf(value));
    if (name !== null && isTableName(name)) for (const text of valuesIn(bodyOf(value))) add(text);
    for (const child of Object.values(value)) visit(child);
  };
  visit(parseAst(source, { lang: "ts" }));
  return found;
}

/** The texts in all sources of a folder of the repository. */
export function actionsUnder(root: string, folder: string): ActionText[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => actionsIn(join(folder, name), readFileSync(join(root, folder, name), "utf8")));
}

/** The name of a field, a constant or a function; null for any other node. */
function nameOf(node: Node): string | null {
  const named = node.type === "Property" ? node.key : node.id;
  if (!["Property", "VariableDeclarator", "FunctionDeclaration"].includes(node.type) || !isNode(named))
    return null;
  return typeof named.name === "string" ? named.name : null;
}

/** The value of a field or constant, or the body of a function. */
const bodyOf = (node: Node) => node.value ?? node.init ?? node.body;

/** The values in an object, at any depth. */
function valuesIn(value: unknown): unknown[] {
  if (!isNode(value) || value.type !== "ObjectExpression" || !Array.isArray(value.properties)) return [];
  return value.properties.flatMap((property: unknown) => {
    if (!isNode(property)) return [];
    const deeper = valuesIn(property.value);
    return deeper.length > 0 ? deeper : [property.value];
  });
}

/** The texts that an expression, or the returns of a function, can have. */
function textsOf(value: unknown): { text: string; start: number }[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (!isNode(value)) return [];
  switch (value.type) {
    case "Literal":
      return typeof value.value === "string" ? [{ text: value.value, start: value.start }] : [];
    case "TemplateLiteral":
      return [{ text: templateText(value), start: value.start }];
    case "ConditionalExpression":
      return textsOf([value.consequent, value.alternate]);
    case "LogicalExpression":
      return textsOf([value.left, value.right]);
    case "ArrowFunctionExpression":
    case "BlockStatement":
      return textsOf(value.body);
    case "ReturnStatement":
      return textsOf(value.argument);
    case "IfStatement":
      return textsOf([value.consequent, value.alternate]);
    case "SwitchStatement":
      return textsOf(value.cases);
    case "SwitchCase":
      return textsOf(value.consequent);
    default:
      return [];
  }
}

/** The text of a template, with a word in place of its expressions. */
export function templateText(node: Node, placeholder = PLACEHOLDER): string {
  const quasis = Array.isArray(node.quasis) ? node.quasis : [];
  return quasis
    .map((quasi: unknown) => {
      const cooked = isNode(quasi) ? quasi.value : null;
      return typeof cooked === "object" && cooked !== null && "cooked" in cooked ? String(cooked.cooked) : "";
    })
    .join(placeholder);
}
