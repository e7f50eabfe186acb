import { argument, command, value } from "../framework/definition.ts";
import { someText } from "../framework/values.ts";

export const networkCa = command({
  path: ["network", "ca"],
  summary: "Show the CA of a network, which signs the certificates of its listeners.",
  details:
    "Give it to the clients of listeners with `--listen-tls NAME=network`, as a trusted CA. It verifies the certificates of this network and of no other. Without -o it is written to standard output. It is no secret.",
  arguments: { name: argument("NAME", "Name or id of the network.", someText) },
  options: {
    output: value("-o, --output <FILE>", "Write the certificate to this file.", someText),
  },
  examples: [
    { command: "fairlead network ca shop -o shop-ca.pem", says: "Writes the CA of shop for its clients." },
  ],
  async run(context, { name, output }) {
    const { getNetworkCa } = await import("../../operator/edge-api.ts");
    const ca = await getNetworkCa(await context.edge(), name);
    if (output === undefined) {
      context.answer(ca, (out) => out.raw(ca.certificate));
      return;
    }
    const [{ writeFile }, { unwritable }] = await Promise.all([
      import("node:fs/promises"),
      import("../../files/file-errors.ts"),
    ]);
    await writeFile(output, ca.certificate).catch((thrown: unknown) => {
      throw unwritable(thrown, { what: "The certificate", path: output });
    });
    context.answer({ ...ca, path: output }, (out) => {
      out.line(
        `The CA of network "${ca.network}" is in ${output}; it expires on ${ca.expiresAt.slice(0, 10)}.`,
      );
      out.line("Next: clients trust it, for example:");
      out.command(`curl --cacert ${output} https://SERVICE.${ca.network}.internal:PORT/`);
    });
  },
});
