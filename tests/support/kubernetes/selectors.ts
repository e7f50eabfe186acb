/** Label and field selectors, in the syntax of query parameters and of objects. */
import { type Json, type JsonObject, objectIn, objectsIn, textIn, textsIn } from "./json.ts";
import { badRequest } from "./status.ts";

export type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels) => boolean;

const LABEL = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?";
const KEY = new RegExp(`^(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?${LABEL}$`);
const VALUE = new RegExp(`^(?:${LABEL})?$`);
const SET = /^([^\s!=()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY = /^([^\s!=()]+?)\s*(==|=|!=)\s*([^\s!=()]*)$/;

/** Parses `a=b,c!=d,e in (f,g),h,!i`. @throws StatusError 400 */
export function labelSelector(text: string): LabelTest {
  const unparsable = () => badRequest(`unable to parse requirement: ${text}`);
  const checked = (key: string, values: readonly string[]) => {
    if (!KEY.test(key) || values.some((value) => !VALUE.test(value) || value.length > 63)) throw unparsable();
  };
  const tests = partsOf(text).map((part): LabelTest => {
    const [, setKey, operator, members] = SET.exec(part) ?? [];
    if (setKey !== undefined) {
      const values = (members ?? "").split(",").map((each) => each.trim());
      checked(setKey, values);
      const has = ({ [setKey]: value }: Labels) => value !== undefined && values.includes(value);
      return operator === "in" ? has : (labels) => !has(labels);
    }
    const [, key, sign, value = ""] = EQUALITY.exec(part) ?? [];
    if (key !== undefined) {
      checked(key, [value]);
      return sign === "!=" ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
    }
    const [, not, name = ""] = /^(!?)\s*(\S+)$/.exec(part) ?? [];
    checked(name, []);
    return not === "!" ? (labels) => !Object.hasOwn(labels, name) : (labels) => Object.hasOwn(labels, name);
  });
  return (labels) => tests.every((test) => test(labels));
}

/** Splits at commas outside of parentheses. */
function partsOf(text: string): string[] {
  return text.trim() === "" ? [] : text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

/** The selector of a ServiceExport, Deployment or NetworkPolicy: an object of kind LabelSelector. */
export function labelSelectorOf(selector: Json | undefined): LabelTest {
  const { matchLabels, matchExpressions } = objectIn(selector);
  const wanted = Object.entries(objectIn(matchLabels));
  const tests = objectsIn(matchExpressions).map(({ key, operator, values }): LabelTest => {
    const name = textIn(key);
    const among = textsIn(values);
    const has = (labels: Labels) => among.includes(labels[name] ?? "\0");
    if (operator === "In") return has;
    if (operator === "NotIn") return (labels) => !has(labels);
    return operator === "Exists"
      ? (labels) => Object.hasOwn(labels, name)
      : (labels) => !Object.hasOwn(labels, name);
  });
  return (labels) =>
    wanted.every(([key, value]) => labels[key] === value) && tests.every((test) => test(labels));
}

/** The plain map of a Service's selector. */
export const mapSelector =
  (selector: JsonObject): LabelTest =>
  (labels) =>
    Object.entries(selector).every(([key, value]) => labels[key] === value);

/**
 * Parses `metadata.name=a,spec.nodeName!=b`.
 * @param supported fields that the resource can be selected by
 * @throws StatusError 400
 */
export function fieldSelector(text: string, supported: readonly string[]): (value: JsonObject) => boolean {
  const tests = partsOf(text).map((part) => {
    const [, field = "", sign, wanted = ""] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? [];
    if (sign === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    if (!supported.includes(field)) throw badRequest(`field label not supported: ${field}`);
    const path = field.split(".");
    return (value: JsonObject) => {
      const found = path.reduce<Json | undefined>((each, key) => objectIn(each)[key], value) ?? "";
      return (String(found) === wanted) !== (sign === "!=");
    };
  });
  return (value) => tests.every((test) => test(value));
}
