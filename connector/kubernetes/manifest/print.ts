/** Prints templates as YAML; their holes become expressions of Helm. A template without holes is plain YAML. */
import { stringify } from "yaml";
import {
  Commented,
  Each,
  Expression,
  type Fields,
  type Node,
  Optional,
  SPLICE,
  Splice,
  Text,
  When,
} from "./template.ts";

const STEP = 2;
/** Columns of a comment without its indentation, and of a list on one line. */
const LINE_COLUMNS = 100;

/** Where a line stands: columns before it, and the root of Helm's values there. */
interface Place {
  readonly depth: number;
  readonly root: "" | "$";
}

const deeper = ({ depth, root }: Place): Place => ({ depth: depth + STEP, root });
const inLoop = ({ depth }: Place): Place => ({ depth, root: "$" });
const pad = ({ depth }: Place) => " ".repeat(depth);

/** Prints documents as one file. */
export function printDocuments(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node, index) =>
    documentLines(node, index === 0 && !(node instanceof Each), { depth: 0, root: "" }),
  );
  return `${lines.join("\n")}\n`;
}

function documentLines(node: Node, isFirst: boolean, place: Place): string[] {
  if (node instanceof When) return whenLines(node, place, (body) => documentLines(body, isFirst, place));
  if (node instanceof Each)
    return block(
      `range ${node.list.helm(place.root)}`,
      place,
      documentLines(node.body, false, inLoop(place)),
    );
  if (node instanceof Commented) {
    const [first = "", ...rest] = documentLines(node.body, isFirst, place);
    const comment = commentLines(node.comment, place);
    return isFirst ? [...comment, first, ...rest] : [first, ...comment, ...rest];
  }
  const lines = fieldsLines(asFields(node), place);
  return isFirst ? lines : ["---", ...lines];
}

/** The lines of a map. */
function fieldsLines(fields: Fields, place: Place): string[] {
  return Object.entries(fields).flatMap(([key, node]) =>
    node === undefined ? [] : fieldLines(key, node, place),
  );
}

function fieldLines(key: string, node: Node, place: Place): string[] {
  const head = `${pad(place)}${scalar(key)}:`;
  if (node instanceof When) return whenLines(node, place, (body) => fieldLines(key, body, place));
  if (node instanceof Commented)
    return [...commentLines(node.comment, place), ...fieldLines(key, node.body, place)];
  if (node instanceof Optional) {
    const { form } = node.value;
    const it = new Expression(
      form,
      () => ".",
      () => null,
    );
    return block(`with ${node.value.helm(place.root)}`, place, fieldLines(key, it, place));
  }
  if (node instanceof Splice) {
    if (key !== SPLICE) throw new Error(`The field ${key} is no place for a splice.`);
    return spliceLines(node, place);
  }
  if (node instanceof Expression && node.form === "structure")
    return [
      head,
      `${pad(deeper(place))}{{- toYaml ${node.helm(place.root)} | nindent ${place.depth + STEP} }}`,
    ];
  if (isList(node)) {
    const line = node.every(isScalar) ? `${head} ${flow(node)}` : undefined;
    return line !== undefined && line.length <= LINE_COLUMNS
      ? [line]
      : [head, ...itemsLines(node, deeper(place))];
  }
  if (isMap(node)) {
    const lines = fieldsLines(node, deeper(place));
    return lines.length === 0 ? [`${head} {}`] : [head, ...lines];
  }
  const [first, ...rest] = inline(node, place).split("\n");
  return [`${head} ${first}`, ...rest.map((line) => (line === "" ? "" : `${pad(place)}${line}`))];
}

/** The lines of a list. */
const itemsLines = (nodes: readonly Node[], place: Place): string[] =>
  nodes.flatMap((node) => itemLines(node, place));

function itemLines(node: Node, place: Place): string[] {
  if (node instanceof When)
    return whenLines(node, place, (body) =>
      isList(body) ? itemsLines(body, place) : itemLines(body, place),
    );
  if (node instanceof Each)
    return block(`range ${node.list.helm(place.root)}`, place, itemLines(node.body, inLoop(place)));
  if (node instanceof Commented)
    return [...commentLines(node.comment, place), ...itemLines(node.body, place)];
  if (node instanceof Splice) return spliceLines(node, place);
  if (isMap(node)) {
    const [first = "", ...rest] = fieldsLines(node, deeper(place));
    return [`${pad(place)}- ${first.trimStart()}`, ...rest];
  }
  return [`${pad(place)}- ${inline(node, place)}`];
}

function whenLines<T>(node: When<T>, place: Place, linesOf: (body: T) => string[]): string[] {
  const otherwise =
    node.otherwise === undefined ? [] : [`${pad(place)}{{- else }}`, ...linesOf(node.otherwise)];
  return block(`if ${node.condition.helm(place.root)}`, place, [...linesOf(node.body), ...otherwise]);
}

const spliceLines = ({ value }: Splice, place: Place): string[] =>
  block(`with ${value.helm(place.root)}`, place, [`${pad(place)}{{- toYaml . | nindent ${place.depth} }}`]);

const block = (action: string, place: Place, lines: readonly string[]): string[] => [
  `${pad(place)}{{- ${action} }}`,
  ...lines,
  `${pad(place)}{{- end }}`,
];

/** A value on the line of its key. A text of several lines continues below it. */
function inline(node: Node, place: Place): string {
  if (node instanceof Text)
    return node.parts
      .map((part) => (typeof part === "string" ? part : `{{ ${part.helm(place.root)} }}`))
      .join("");
  if (node instanceof Expression)
    return node.form === "text" ? `{{ ${node.helm(place.root)} | quote }}` : `{{ ${node.helm(place.root)} }}`;
  return scalar(node);
}

const flow = (list: readonly Node[]): string =>
  stringify(list, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trimEnd();

const scalar = (value: unknown): string => stringify(value, { lineWidth: 0, version: "1.1" }).trimEnd();

function commentLines(comment: string, place: Place): string[] {
  const lines: string[] = [];
  for (const word of comment.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= LINE_COLUMNS) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => `${pad(place)}# ${line}`);
}

const isList = (node: unknown): node is readonly Node[] => Array.isArray(node);

const isScalar = (node: Node): boolean => typeof node !== "object" || node === null;

const isMap = (node: Node): node is Fields =>
  typeof node === "object" && node !== null && Object.getPrototypeOf(node) === Object.prototype;

function asFields(node: Node): Fields {
  if (isMap(node)) return node;
  throw new Error("A document is a map.");
}
