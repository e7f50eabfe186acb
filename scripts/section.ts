/** A generated section of a page, between two comments that Markdown does not show. */

/**
 * Replaces the section `name` of a page: the text between `<!-- name: … -->` and `<!-- end of name -->`.
 * @throws Error when the page does not have both marks in this order
 */
export function replaceSection(page: string, name: string, content: string): string {
  const [begin] = new RegExp(`^<!-- ${name}: .*-->$`, "m").exec(page) ?? [];
  const end = `<!-- end of ${name} -->`;
  const from = begin === undefined ? -1 : page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (begin === undefined || to === -1)
    throw new Error(`The page has lost the marks of its section "${name}".`);
  return `${page.slice(0, from)}${begin}\n\n${content}\n\n${page.slice(to)}`;
}
