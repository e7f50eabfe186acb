/** The order of versions, as Semantic Versioning defines it (https://semver.org, section 11). */

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

interface Version {
  readonly numbers: readonly number[];
  /** Identifiers of a pre-release; empty for a release. */
  readonly identifiers: readonly string[];
}

function parse(text: string): Version | null {
  const [, major, minor, patch, identifiers = ""] = VERSION.exec(text) ?? [];
  if (major === undefined) return null;
  return {
    numbers: [major, minor, patch].map(Number),
    identifiers: identifiers === "" ? [] : identifiers.split("."),
  };
}

/** The newest of the versions; empty if none is a version. */
export function newestOf(versions: readonly string[]): string {
  return versions.reduce(
    (newest, each) => (parse(each) !== null && !isOlder(each, newest) ? each : newest),
    "",
  );
}

/** Whether a version is older than another. A text that is no version is neither older nor newer. */
export function isOlder(one: string, than: string): boolean {
  const [left, right] = [parse(one), parse(than)];
  if (left === null || right === null) return false;
  const number = left.numbers.findIndex((each, at) => each !== right.numbers[at]);
  if (number !== -1) return (left.numbers[number] ?? 0) < (right.numbers[number] ?? 0);
  // A pre-release comes before its release.
  if (left.identifiers.length === 0 || right.identifiers.length === 0)
    return left.identifiers.length > right.identifiers.length;
  const at = left.identifiers.findIndex((each, index) => each !== right.identifiers[index]);
  const [mine, other] = [left.identifiers[at], right.identifiers[at]];
  if (at === -1) return left.identifiers.length < right.identifiers.length;
  if (mine === undefined || other === undefined) return mine === undefined;
  const [isNumber, otherIsNumber] = [/^\d+$/.test(mine), /^\d+$/.test(other)];
  if (isNumber && otherIsNumber) return Number(mine) < Number(other);
  return isNumber === otherIsNumber ? mine < other : isNumber;
}
