/** The Secret with the token that the site joins with. The connector mounts it, and needs no right to read it. */
import type { Secret } from "kubernetes-types/core/v1";
import { TOKEN_KEY } from "./deployment.ts";
import { LABELS, TOKEN } from "./names.ts";
import { base64, namespace, type Template, value, when } from "./template.ts";

const secret: Template<Secret> = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: TOKEN, namespace, labels: LABELS },
  // With `stringData`, kubectl would report a change each time.
  data: { [TOKEN_KEY]: base64(value("token")) },
};

export const tokenSecret = when(value("token"), secret);
