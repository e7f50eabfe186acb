/** What the first words of commands stand for, as help shows them. */
export const NOUNS: Readonly<Record<string, string>> = {
  edge: "the Workers that everything goes through",
  network: "virtual application networks, isolated from each other",
  key: "API keys of people and programs",
  token: "invitations to a network",
  site: "the members of a network",
  service: "what sites offer to each other",
  link: "what redeeming a token created between two sites",
  connector: "the process that runs in a site",
};
