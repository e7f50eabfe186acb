/** The words before the last of commands, and what help says of each. */
export const NOUNS: Readonly<Record<string, string>> = {
  edge: "The Workers through which connectors reach each other.",
  console: "The console, where a browser shows a network.",
  "console user": "Users of the console.",
  network: "Virtual application networks, isolated from each other.",
  hostname: "Hostnames of the edge by which a network publishes services.",
  key: "API keys of people and programs.",
  token: "Invitations to a network.",
  site: "Members of a network.",
  service: "Servers that sites offer to each other.",
  link: "Links between sites, each made by redeeming a token.",
  connector: "The process that runs at a site.",
  kubernetes: "Connectors in Kubernetes clusters.",
  dns: "Names of services in DNS.",
  debug: "What helps to find a fault.",
};
