/**
 * Manifests with holes. With values, a template is objects of Kubernetes (`evaluate.ts`); as text, it is a template of
 * Helm (`print.ts`). Each construct says both at once, so that the command and the chart cannot disagree.
 */
import { version } from "../../version.ts";
import { DEFAULTS, type Values } from "./values.ts";

/** What fills the holes. */
export interface Scope {
  readonly values: Values;
  /** Namespace of the installation. */
  readonly namespace: string;
  /** The entry of the loop that the hole is in. */
  readonly item?: unknown;
}

/** How Helm prints a value: in quotes, as it is, or as YAML. */
type Form = "text" | "plain" | "structure";

/** A value that is known once the values are. */
export class Expression<out T> {
  readonly form: Form;
  /** The expression of Helm. @param root "$" in a loop, where "." is the entry, and else "" */
  readonly helm: (root: string) => string;
  readonly in: (scope: Scope) => T;

  constructor(form: Form, helm: (root: string) => string, within: (scope: Scope) => T) {
    this.form = form;
    this.helm = helm;
    this.in = within;
  }
}

/** Text with holes. */
export class Text {
  readonly parts: readonly (string | Expression<string | number>)[];

  constructor(parts: readonly (string | Expression<string | number>)[]) {
    this.parts = parts;
  }
}

/** A field, an item or a document that is there under a condition. In a list, an array stands for its items. */
export class When<out T> {
  readonly condition: Expression<unknown>;
  readonly body: T;
  readonly otherwise: T | undefined;

  constructor(condition: Expression<unknown>, body: T, otherwise?: T) {
    this.condition = condition;
    this.body = body;
    this.otherwise = otherwise;
  }
}

/** A field that is there unless its value is empty. */
export class Optional<out T> {
  readonly value: Expression<T>;

  constructor(value: Expression<T>) {
    this.value = value;
  }
}

/** An item or a document for each entry of a list. In it, `item()` is the entry. */
export class Each<out T> {
  readonly list: Expression<readonly unknown[]>;
  readonly body: T;

  constructor(list: Expression<readonly unknown[]>, body: T) {
    this.list = list;
    this.body = body;
  }
}

/** All items of a list, or all fields of a map under the key {@link SPLICE}, in place of itself. */
export class Splice {
  readonly value: Expression<unknown>;

  constructor(value: Expression<unknown>) {
    this.value = value;
  }
}

export const SPLICE = "...";

/** A field, an item or a document with a comment before it. */
export class Commented<out T> {
  readonly comment: string;
  readonly body: T;

  constructor(comment: string, body: T) {
    this.comment = comment;
    this.body = body;
  }
}

type Scalar = string | number | boolean | null;

/** Any template, without the types of the object that it makes. */
export type Node =
  | Scalar
  | Expression<unknown>
  | Text
  | When<Node>
  | Optional<unknown>
  | Each<Node>
  | Splice
  | Commented<Node>
  | readonly Node[]
  | Fields;

export interface Fields {
  readonly [key: string]: Node | undefined;
}

/** A template of a `T`, where `T` is a type of Kubernetes: a misspelt field does not compile. */
export type Template<T> = T extends Scalar
  ? T | Expression<T> | (T extends string ? Text : never)
  : T extends readonly (infer Item)[]
    ? Expression<unknown> | readonly ItemTemplate<Item>[]
    : Expression<unknown> | { readonly [Key in keyof T]: FieldTemplate<NonNullable<T[Key]>> };

export type ItemTemplate<T> =
  | Template<T>
  | When<ItemTemplate<T> | readonly ItemTemplate<T>[]>
  | Each<Template<T>>
  | Commented<Template<T>>
  | Splice;

type FieldTemplate<T> = Template<T> | When<Template<T>> | Commented<Template<T>> | Optional<unknown> | Splice;

type Path<T> = {
  [Key in keyof T & string]: string extends keyof T[Key]
    ? Key
    : T[Key] extends readonly unknown[] | Scalar
      ? Key
      : Key | `${Key}.${Path<T[Key]>}`;
}[keyof T & string];

type At<T, P extends string> = P extends keyof T
  ? T[P]
  : P extends `${infer Key}.${infer Rest}`
    ? Key extends keyof T
      ? At<T[Key], Rest>
      : never
    : never;

function at<P extends Path<Values>>(values: Values, path: P): At<Values, P> {
  let found: unknown = values;
  for (const key of path.split(".")) found = Object.entries(found ?? {}).find(([each]) => each === key)?.[1];
  // The only cast: the types of paths and values come from the same schema.
  return found as At<Values, P>;
}

/** The value at a path, such as `networkPolicy.enabled`. */
export function value<const P extends Path<Values>>(path: P): Expression<At<Values, P>> {
  const usual: unknown = at(DEFAULTS, path);
  const form = typeof usual === "object" ? "structure" : typeof usual === "string" ? "text" : "plain";
  return new Expression(
    form,
    (root) => `${root}.Values.${path}`,
    ({ values }) => at(values, path),
  );
}

/** The namespace of the installation. */
export const namespace = new Expression(
  "text",
  (root) => `${root}.Release.Namespace`,
  (scope) => scope.namespace,
);

/** The entry of the loop. @param form of the list's entries */
export const item = (form: "text" | "plain" = "text"): Expression<string> =>
  new Expression(
    form,
    () => ".",
    (scope) => String(scope.item),
  );

/** The entry of a loop over numbers. */
export const numberItem: Expression<number> = new Expression(
  "plain",
  () => ".",
  (scope) => Number(scope.item),
);

/** A text, or `fallback` with the version of Fairlead where it is empty. */
export const orVersioned = (given: Expression<string>, fallback: string): Expression<string> =>
  new Expression(
    "text",
    (root) => `${given.helm(root)} | default (printf "${fallback}:%s" ${root}.Chart.AppVersion)`,
    (scope) => given.in(scope) || `${fallback}:${version()}`,
  );

/** The texts of a list, or the namespace of the installation where the list is empty. */
export const orNamespace = (list: Expression<readonly string[]>): Expression<readonly string[]> =>
  new Expression(
    "structure",
    (root) => `${list.helm(root)} | default (list ${namespace.helm(root)})`,
    (scope) => {
      const found = list.in(scope);
      return found.length === 0 ? [scope.namespace] : found;
    },
  );

/** The texts of a list with commas. */
export const joined = (list: Expression<readonly string[]>): Expression<string> =>
  new Expression(
    "text",
    (root) => `join "," ${list.helm(root)}`,
    (scope) => list.in(scope).join(","),
  );

export const base64 = (content: Expression<string>): Expression<string> =>
  new Expression(
    "text",
    (root) => `${content.helm(root)} | b64enc`,
    (scope) => Buffer.from(content.in(scope)).toString("base64"),
  );

export const plus = (number: Expression<number>, more: number): Expression<number> =>
  new Expression(
    "plain",
    (root) => `add ${number.helm(root)} ${more}`,
    (scope) => number.in(scope) + more,
  );

export const not = (condition: Expression<unknown>): Expression<boolean> =>
  new Expression(
    "plain",
    (root) => `not ${condition.helm(root)}`,
    (scope) => !isGiven(condition.in(scope)),
  );

export const and = (...conditions: readonly Expression<unknown>[]): Expression<boolean> =>
  new Expression(
    "plain",
    (root) => `and ${conditions.map((each) => each.helm(root)).join(" ")}`,
    (scope) => conditions.every((each) => isGiven(each.in(scope))),
  );

/** Text with holes, as a tagged template. */
export function text(strings: TemplateStringsArray, ...holes: readonly Expression<string | number>[]): Text {
  return new Text(strings.flatMap((string, index) => [string, ...holes.slice(index, index + 1)]));
}

export const when = <A, B = never>(condition: Expression<unknown>, body: A, otherwise?: B): When<A | B> =>
  new When<A | B>(condition, body, otherwise);

export const optional = <const P extends Path<Values>>(path: P): Optional<At<Values, P>> =>
  new Optional(value(path));

export const each = <T>(list: Expression<readonly unknown[]>, body: T): Each<T> => new Each(list, body);

export const splice = <const P extends Path<Values>>(path: P): Splice => new Splice(value(path));

export const commented = <T>(comment: string, body: T): Commented<T> => new Commented(comment, body);

/** Whether Helm takes a value for true: it is neither false, 0 nor empty. */
export function isGiven(found: unknown): boolean {
  if (typeof found === "object" && found !== null) return Object.keys(found).length > 0;
  return Boolean(found);
}
