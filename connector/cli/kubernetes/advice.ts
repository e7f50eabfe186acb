/** What a user of `kubernetes manifest` is told beside the output. */
import type { Context } from "../framework/context.ts";

export interface Advice {
  readonly namespace: string;
  readonly name: string;
  /** Whether an option names the image. */
  readonly hasImage: boolean;
  /** Whether the objects of the connector's namespace alone are read. */
  readonly isAlone: boolean;
  readonly expires: string | undefined;
}

/** Says what a user has to know and do next. */
export function advise(
  { aside, io }: Context,
  { namespace, name, hasImage, isAlone, expires }: Advice,
): void {
  if (!hasImage)
    aside.line(
      "No registry has the image of the output: build it from connector/Dockerfile, push it to a registry that the cluster reaches, and name it with --image.",
    );
  if (expires === undefined)
    aside.line(
      `Without --token, a site that has not joined yet needs the Secret ${name}-token, with the key token.yaml.`,
    );
  else if (Date.parse(expires) <= io.now())
    aside.line(`The token expired at ${expires}: a site that has not joined yet needs another one.`);
  else aside.line(`The output has the token, by which a site joins until ${expires}: keep it secret.`);
  if (isAlone)
    aside.line(
      `Annotated objects of the namespace ${namespace} alone are offered; --watch-namespaces names others, and --cluster-wide takes all.`,
    );
  aside.line(
    io.stdout.isTTY ? "Apply the output with kubectl, and then wait:" : "Once it is applied, wait for it:",
  );
  if (io.stdout.isTTY) aside.command("fairlead kubernetes manifest … | kubectl apply -f -");
  aside.command(`kubectl -n ${namespace} rollout status deployment/${name}-connector`);
}
