/**
 * The filter of lists: words that all have to match. A word is `field:value` or a text that any field has; `!`, `-` or
 * `NOT` before a word negates it.
 */

/** The fields of an entry, by name. A list matches if one of its texts does. */
export type Fields = Readonly<Record<string, string | readonly string[] | null | undefined>>;

interface Term {
  readonly negated: boolean;
  /** Null to search in all fields. */
  readonly field: string | null;
  readonly text: string;
}

function termsOf(search: string): Term[] {
  const terms: Term[] = [];
  let negated = false;
  for (const word of search.trim().toLowerCase().split(/\s+/)) {
    if (word === "") continue;
    if (word === "not") {
      negated = !negated;
      continue;
    }
    const bare = /^[!-]./.test(word) ? word.slice(1) : word;
    const [, field, text] = /^([a-z]+):(.*)$/.exec(bare) ?? [];
    const isNegated = negated !== (bare !== word);
    terms.push(
      field !== undefined && text !== undefined
        ? { negated: isNegated, field, text }
        : { negated: isNegated, field: null, text: bare },
    );
    negated = false;
  }
  return terms;
}

const textsOf = (value: Fields[string]): readonly string[] =>
  value === null || value === undefined ? [] : typeof value === "string" ? [value] : value;

function holds(term: Term, fields: Fields): boolean {
  if (term.field !== null && term.field in fields)
    return textsOf(fields[term.field]).some((text) => text.toLowerCase().startsWith(term.text));
  const wanted = term.field === null ? term.text : `${term.field}:${term.text}`;
  return Object.values(fields).some((value) =>
    textsOf(value).some((text) => text.toLowerCase().includes(wanted)),
  );
}

/** Selects the entries that a search matches; all for an empty search. */
export function searched<T>(
  entries: readonly T[],
  search: string,
  fieldsOf: (entry: T) => Fields,
): readonly T[] {
  const terms = termsOf(search);
  if (terms.length === 0) return entries;
  return entries.filter((entry) => {
    const fields = fieldsOf(entry);
    return terms.every((term) => holds(term, fields) !== term.negated);
  });
}
