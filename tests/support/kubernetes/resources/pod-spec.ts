/** The specification of pods, in pods and in the templates of workloads: defaults and what is refused. */
import { type JsonObject, objectIn, objectsIn, textIn } from "../json.ts";
import { dnsLabel } from "../names.ts";
import { duplicate, type FieldFault, invalidValue, required } from "../status.ts";
import { isPort } from "./service.ts";

/** Fills in the defaults. */
export function completePod(spec: JsonObject): void {
  spec.restartPolicy ??= "Always";
  spec.dnsPolicy ??= "ClusterFirst";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ??= "default-scheduler";
  spec.securityContext ??= {};
  for (const container of [...objectsIn(spec.containers), ...objectsIn(spec.initContainers)]) {
    const image = textIn(container.image);
    const isLatest = image.endsWith(":latest") || !/[:@][^/]*$/.test(image);
    container.imagePullPolicy ??= isLatest ? "Always" : "IfNotPresent";
    container.terminationMessagePath ??= "/dev/termination-log";
    container.terminationMessagePolicy ??= "File";
    container.resources ??= {};
    for (const port of objectsIn(container.ports)) port.protocol ??= "TCP";
    for (const name of ["livenessProbe", "readinessProbe", "startupProbe"]) {
      const probe = container[name];
      if (probe !== undefined) completeProbe(objectIn(probe));
    }
    for (const { valueFrom } of objectsIn(container.env)) {
      const { fieldRef } = objectIn(valueFrom);
      if (fieldRef !== undefined) objectIn(fieldRef).apiVersion ??= "v1";
    }
  }
  for (const volume of objectsIn(spec.volumes)) {
    for (const name of ["secret", "configMap", "projected"]) {
      const source = volume[name];
      if (source !== undefined) objectIn(source).defaultMode ??= 0o644;
    }
  }
}

function completeProbe(probe: JsonObject): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  if (probe.httpGet !== undefined) objectIn(probe.httpGet).scheme ??= "HTTP";
}

/** @param path of the specification: `spec` or `spec.template.spec` */
export function podFaults(spec: JsonObject, path: string): FieldFault[] {
  const containers = objectsIn(spec.containers);
  const faults: FieldFault[] = containers.length === 0 ? [required(`${path}.containers`)] : [];
  const volumes = new Set(objectsIn(spec.volumes).map(({ name }) => textIn(name)));
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${path}.containers[${index}]`;
    const name = textIn(container.name);
    const why = dnsLabel(name);
    if (name === "") faults.push(required(`${at}.name`));
    else if (why !== undefined) faults.push(invalidValue(`${at}.name`, name, why));
    if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    if (textIn(container.image) === "") faults.push(required(`${at}.image`));
    for (const [i, { containerPort }] of objectsIn(container.ports).entries()) {
      if (!isPort(containerPort)) {
        faults.push(
          invalidValue(
            `${at}.ports[${i}].containerPort`,
            containerPort ?? 0,
            "must be between 1 and 65535, inclusive",
          ),
        );
      }
    }
    for (const [i, { name: volume }] of objectsIn(container.volumeMounts).entries()) {
      if (!volumes.has(textIn(volume))) {
        faults.push({
          field: `${at}.volumeMounts[${i}].name`,
          reason: "FieldValueNotFound",
          message: `Not found: ${JSON.stringify(volume)}`,
        });
      }
    }
  }
  return faults;
}
